// An Azure ML workspace of our own, where none is given: with its account, vault, registry, and a cluster that sleeps
// at no cost.
param name string
param token string
param location string
param tags object
@description('Application Insights component that the workspace writes to.')
param componentId string
@description('Name of the data account: runs read models and drops there, and keep what a check accepts.')
param dataAccount string
@description('Principal id of the app: it reads what runs left in the workspace\'s own account.')
param reader string

var blobReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
// A batch deployment spreads its files over workers by a queue and a table of that account, which without keys the cluster's
// identity has to be allowed (learn.microsoft.com/azure/machine-learning/how-to-disable-local-auth-storage, "Parallel Run Step").
var roles = [
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
]
var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull

module account 'account.bicep' = {
  name: 'workspace-account'
  params: { name: 'stml${token}', location: location, tags: tags }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: 'kv-ml-${token}'
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    accessPolicies: [] // the service refuses a vault without the list, whoever is in it
    enableRbacAuthorization: true
    enableSoftDelete: true
  }
}

// Left out, the workspace would make a registry later by itself, with its admin user on.
resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: 'crml${token}'
  location: location
  tags: tags
  sku: { name: 'Basic' }
  properties: { adminUserEnabled: false }
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'Default'
  identity: { type: 'SystemAssigned' }
  properties: {
    friendlyName: name
    storageAccount: account.outputs.id
    keyVault: vault.id
    applicationInsights: componentId
    containerRegistry: registry.id
    systemDatastoresAuthMode: 'Identity'
    v1LegacyMode: false
  }
}

resource cluster 'Microsoft.MachineLearningServices/workspaces/computes@2025-06-01' = {
  parent: workspace
  name: 'cpu'
  location: location
  identity: { type: 'SystemAssigned' }
  properties: {
    computeType: 'AmlCompute'
    disableLocalAuth: true
    properties: {
      vmSize: 'Standard_DS3_v2'
      scaleSettings: { minNodeCount: 0, maxNodeCount: 2, nodeIdleTimeBeforeScaleDown: 'PT120S' }
    }
  }
}

// What a run may do, by the cluster's own identity: nothing on the ledger, the queues or the endpoints.
module runsData 'runs.bicep' = {
  name: 'runs-on-the-cluster'
  params: { dataAccount: dataAccount, runs: cluster.identity.principalId }
}

resource store 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: 'stml${token}'
}

resource runsStore 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in roles: {
  name: guid(resourceId('Microsoft.Storage/storageAccounts', 'stml${token}'), cluster.id, role)
  scope: store
  properties: {
    principalId: cluster.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
  dependsOn: [ account ]
}]

resource appReads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(resourceId('Microsoft.Storage/storageAccounts', 'stml${token}'), reader, blobReader)
  scope: store
  properties: {
    principalId: reader
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobReader)
  }
  dependsOn: [ account ]
}

resource runsPull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, cluster.id, acrPull)
  scope: registry
  properties: {
    principalId: cluster.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

output id string = workspace.id
