// Everything that Baton needs in Azure, without one shared key. `azd up` deploys it, then the code, then
// subscriptions.bicep (Event Grid refuses a subscription to a function that does not exist yet).
targetScope = 'subscription'

@description('Name of the azd environment; part of the resource group\'s name.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of all that is made here.')
@metadata({ azd: { type: 'location' } })
param location string

@description('Resource id of the Azure ML workspace that trains and serves. Empty: make one, unless Databricks does.')
param workspaceId string = ''

@description('Region of that workspace, if it is another.')
param workspaceLocation string = ''

@description('Which adapter the app speaks to the workspace with; `infra/prepackage.sh` packs the lock file of the same name.')
@allowed([ 'azureml', 'azureml_v2', 'databricks' ])
param platform string = 'azureml_v2'

@description('Cluster of the workspace that runs go to. The workspace that is made here has `cpu`.')
param compute string = 'cpu'

@description('Principal id of that cluster\'s identity, of a workspace that you bring: runs read and keep data by it. Empty: it gets no role here.')
param computeAccess string = ''

@description('Size of the machines that serve a version on a managed endpoint (SDK v2).')
param instanceType string = 'Standard_DS3_v2'

@description('How many of them each deployment has; more than 3 for what must not stop.')
param instances string = '1'

@description('Name under which the AKS cluster that serves is attached to the workspace (SDK v1).')
param aks string = ''

@description('What serves versions through SDK v1: that cluster, or container instances, which know no split of traffic and no TLS.')
@allowed([ 'aks', 'aci' ])
param serving string = 'aks'

@description('Application id of the Application Insights component that the workspace writes to, if it is not the app\'s own.')
param scoringLogs string = ''

@description('Address of the Databricks workspace that trains and serves, such as https://adb-1234567890123456.7.azuredatabricks.net.')
param databricksHost string = ''

@description('<catalog>.<schema> of Unity Catalog that models, runs and what is served lie in.')
param databricksSchema string = ''

@description('Id of the SQL warehouse that counts scoring requests on Databricks.')
param databricksWarehouse string = ''

@description('Name of the service credential of Unity Catalog by which runs on Databricks read the data account.')
param databricksCredential string = ''

@description('Principal id of the identity behind that credential. Empty: it gets no role here.')
param databricksAccess string = ''

@description('Size of what serves a version on Databricks: Small, Medium or Large.')
param databricksWorkload string = 'Small'

@description('Secret under which people\'s decisions are bound to what they decided on; or a reference to a Key Vault secret.')
@secure()
@minLength(32)
param approvalKey string

@description('Key that signs certificates: 32 bytes in hex, made once by `openssl rand -hex 32`; or a reference to a Key Vault secret.')
@secure()
@minLength(64)
param signingKey string

@description('Public keys that signed certificates before signingKey, with commas between, so that these still hold.')
param signedBefore string = ''
@secure()
@description('Addresses at which people are told, as apprise takes them, with spaces between; best a reference to a Key Vault secret.')
param notify string = ''

@description('Client id of the app registration that people sign in to. Empty: the pages answer nobody.')
param signInClientId string = ''

@description('Days after its creation for which a segment of the journal, or a line of the access log, cannot be removed. Nobody can change one, also later.')
@minValue(1)
@maxValue(146000)
param journalImmutableDays int = 365

@description('Whether the policies of the journal and the access log were locked (docs/audit.md): then they are left as they are.')
param journalLocked bool = false

@description('Address that alerts are sent to. Empty: they are only seen in the portal.')
param onCall string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var onDatabricks = platform == 'databricks' // then there is no Azure ML workspace, and no events of one
var workspaceParts = split('${workspaceId}/-/-/-/-', '/')

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-baton-${token}', location: location, tags: tags }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: { name: 'baton-${token}', location: location, tags: tags, writer: identity.outputs.principalId }
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: { name: 'baton-${token}', location: location, tags: tags, logs: monitoring.outputs.logsId, onCall: onCall }
}

module hostAccount 'modules/account.bicep' = {
  name: 'host-account'
  scope: group
  params: { name: 'sthost${token}', location: location, tags: tags, containers: [ 'app-package' ] }
}

module dataAccount 'modules/account.bicep' = {
  name: 'data-account'
  scope: group
  params: {
    name: 'stdata${token}'
    location: location
    tags: tags
    containers: [ 'incoming', 'models', 'datasets', 'quarantine', 'reports', 'scored', 'journal', 'access', 'deadletter' ]
    queues: [ 'advance', 'perform', 'advance-poison', 'perform-poison' ]
    tables: [ 'ledger' ]
    immutable: [ 'journal', 'access' ]
    immutableDays: journalImmutableDays
    locked: journalLocked
    deleteAfterDays: { 'quarantine/': 90, 'scored/': 90, 'deadletter/': 180 }
    versioned: true
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    principalId: identity.outputs.principalId
    hostAccount: hostAccount.outputs.name
    dataAccount: dataAccount.outputs.name
  }
}

module workspace 'modules/workspace.bicep' = if (empty(workspaceId) && !onDatabricks) {
  name: 'workspace'
  scope: group
  params: {
    name: 'mlw-${token}'
    token: token
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    dataAccount: dataAccount.outputs.name
    reader: identity.outputs.principalId
  }
}

var usedWorkspaceId = onDatabricks ? '' : empty(workspaceId) ? workspace.?outputs.id ?? '' : workspaceId

module workspaceRole 'modules/workspace-role.bicep' = if (!onDatabricks) {
  name: 'workspace-role'
  scope: resourceGroup(empty(workspaceId) ? subscription().subscriptionId : workspaceParts[2], empty(workspaceId) ? group.name : workspaceParts[4])
  params: { workspace: last(split(usedWorkspaceId, '/')), principalId: identity.outputs.principalId }
}

module databricks 'modules/runs.bicep' = if (onDatabricks && !empty(databricksAccess)) {
  name: 'databricks'
  scope: group
  params: { dataAccount: dataAccount.outputs.name, runs: databricksAccess }
}

module workspaceRuns 'modules/runs.bicep' = if (!onDatabricks && !empty(workspaceId) && !empty(computeAccess)) {
  name: 'runs-on-a-brought-cluster'
  scope: group
  params: { dataAccount: dataAccount.outputs.name, runs: computeAccess }
}

module topics 'modules/topics.bicep' = {
  name: 'topics'
  scope: group
  params: {
    token: token
    location: location
    tags: tags
    dataAccount: dataAccount.outputs.name
    onDatabricks: onDatabricks
    workspaceId: usedWorkspaceId
    workspaceLocation: empty(workspaceLocation) ? location : workspaceLocation
    sender: identity.outputs.principalId
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-baton-${token}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostAccount: hostAccount.outputs.name
    packages: '${hostAccount.outputs.blobEndpoint}app-package'
    dataAccount: dataAccount.outputs.name
    monitoringConnection: monitoring.outputs.connection
    dataAccountId: dataAccount.outputs.id
    workspaceId: usedWorkspaceId
    customTopicId: topics.outputs.customTopicId
    approvalKey: approvalKey
    signingKey: signingKey
    signedBefore: signedBefore
    notify: notify
    signInClientId: signInClientId
    platform: platform
    compute: compute
    instanceType: instanceType
    instances: instances
    aks: aks
    serving: serving
    scoringLogs: scoringLogs
    databricksHost: databricksHost
    databricksSchema: databricksSchema
    databricksWarehouse: databricksWarehouse
    databricksCredential: databricksCredential
    databricksWorkload: databricksWorkload
  }
  dependsOn: [ roles ]
}

output AZURE_RESOURCE_GROUP string = group.name
output BATON_URL string = app.outputs.url
output BATON_APP_ID string = app.outputs.id
output BATON_DATA_ACCOUNT_ID string = dataAccount.outputs.id
output BATON_STORAGE_TOPIC string = topics.outputs.storageTopic
output BATON_WORKSPACE_TOPIC string = topics.outputs.workspaceTopic
output BATON_CUSTOM_TOPIC string = topics.outputs.customTopic
output BATON_CUSTOM_ENDPOINT string = topics.outputs.customEndpoint
