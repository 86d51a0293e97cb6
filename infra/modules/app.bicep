// The function app on Flex Consumption, reached by its own identity only.
param name string
param location string
param tags object
param identityId string
param identityClientId string
param hostAccount string
@description('URL of the container that holds the app\'s packages.')
param packages string
param dataAccount string
param monitoringConnection string
@description('Resource ids of the sources whose events are believed.')
param dataAccountId string
param workspaceId string
param customTopicId string
@secure()
param approvalKey string
@secure()
param signingKey string
param signedBefore string
param signInClientId string
@secure()
param notify string
@description('Which adapter the package holds: azureml, azureml_v2 or databricks.')
param platform string
param instanceType string
param instances string
@description('Cluster of the workspace that runs go to.')
param compute string
@description('Name under which the AKS cluster that serves is attached to the workspace.')
param aks string
@description('aks, or aci: container instances.')
param serving string
@description('Application id of the component that the workspace writes to, if it is not this app\'s.')
param scoringLogs string
param databricksHost string
param databricksSchema string
@description('Id of the SQL warehouse that counts scoring requests.')
param databricksWarehouse string
@description('Service credential of Unity Catalog by which runs read the data account.')
param databricksCredential string
param databricksWorkload string

var suffix = environment().suffixes.storage
// Threads: all that the two queue triggers run at once (host.json), and intake, which must not wait for them.
// Triggers need credential and clientId on every connection, or nothing wakes the app from zero.
var settings = [
  { name: 'AzureWebJobsStorage__accountName', value: hostAccount }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identityClientId }
  { name: 'AZURE_CLIENT_ID', value: identityClientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: monitoringConnection }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identityClientId};Authorization=AAD' }
  { name: 'PYTHON_THREADPOOL_THREAD_COUNT', value: '32' }
  { name: 'AzureWebJobsDisableHomepage', value: 'true' } // "/" is the dashboard's, not the host's own page
  { name: 'BATON_DATA__blobServiceUri', value: 'https://${dataAccount}.blob.${suffix}' }
  { name: 'BATON_DATA__queueServiceUri', value: 'https://${dataAccount}.queue.${suffix}' }
  { name: 'BATON_DATA__tableServiceUri', value: 'https://${dataAccount}.table.${suffix}' }
  { name: 'BATON_DATA__credential', value: 'managedidentity' }
  { name: 'BATON_DATA__clientId', value: identityClientId }
  { name: 'BATON_HOME', value: '/tmp/baton' } // the folder of the code, where it would be else, takes no writing
  { name: 'BATON_SWEEP', value: '0 * * * * *' }
  { name: 'BATON_TRACES', value: 'application-insights' }
  { name: 'BATON_PLATFORM', value: platform }
  { name: 'BATON_COMPUTE', value: compute }
  { name: 'BATON_INSTANCE_TYPE', value: instanceType }
  { name: 'BATON_INSTANCES', value: instances }
  { name: 'BATON_AKS', value: aks }
  { name: 'BATON_SERVING', value: serving }
  { name: 'BATON_SCORING_LOGS', value: scoringLogs }
  { name: 'BATON_DATABRICKS_HOST', value: databricksHost }
  { name: 'BATON_DATABRICKS_SCHEMA', value: databricksSchema }
  { name: 'BATON_DATABRICKS_WAREHOUSE', value: databricksWarehouse }
  { name: 'BATON_DATABRICKS_CREDENTIAL', value: databricksCredential }
  { name: 'BATON_DATABRICKS_WORKLOAD', value: databricksWorkload }
  { name: 'BATON_STORAGE_SOURCE', value: dataAccountId }
  { name: 'BATON_WORKSPACE_SOURCE', value: workspaceId }
  { name: 'BATON_CUSTOM_SOURCE', value: customTopicId }
  { name: 'BATON_APPROVAL_KEY', value: approvalKey }
  { name: 'BATON_SIGNING_KEY', value: signingKey }
  { name: 'BATON_VERIFYING_KEYS', value: signedBefore }
  { name: 'BATON_TENANT', value: empty(signInClientId) ? '' : tenant().tenantId }
  { name: 'BATON_NOTIFY', value: notify }
  { name: 'BATON_URL', value: 'https://${name}.azurewebsites.net' }
]

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  kind: 'functionapp,linux'
  tags: union(tags, { 'azd-service-name': 'baton' })
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    keyVaultReferenceIdentity: identityId
    httpsOnly: true
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled', appSettings: settings }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packages
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      runtime: { name: 'python', version: '3.11' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 }
    }
  }
}

// Event Grid's own calls carry the system key instead of a person's sign-in.
resource signIn 'Microsoft.Web/sites/config@2024-11-01' = if (!empty(signInClientId)) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // The first is Event Grid's whole path, should the pattern after it not be taken as one.
      excludedPaths: [ '/runtime/webhooks/EventGrid', '/runtime/webhooks/*', '/api/health' ]
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientId: signInClientId
        }
        validation: { allowedAudiences: [ signInClientId, 'api://${signInClientId}' ] }
      }
    }
    login: { tokenStore: { enabled: true } }
  }
}

output id string = app.id
output url string = 'https://${app.properties.defaultHostName}'
