// What a run may do with the data account: by the cluster's identity on Azure ML, by the one behind the service credential on
// Databricks. Nothing on the ledger and the queues. Databricks' workspace, catalog and credential are not made here (docs/databricks.md).
@description('Name of the data account: runs read models and drops there, and keep what a check accepts.')
param dataAccount string
@description('Principal id of the identity that runs have. It is in the names, since an assignment\'s principal cannot be changed.')
param runs string

var blobReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccount
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: data
  name: 'default'
}

resource readable 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [for container in [ 'models', 'incoming' ]: {
  parent: blobs
  name: container
}]

resource writable 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [for container in [ 'datasets', 'quarantine' ]: {
  parent: blobs
  name: container
}]

resource mayRead 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for index in range(0, 2): {
  name: guid(readable[index].id, runs, blobReader)
  scope: readable[index]
  properties: {
    principalId: runs
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobReader)
  }
}]

resource mayKeep 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for index in range(0, 2): {
  name: guid(writable[index].id, runs, blobContributor)
  scope: writable[index]
  properties: {
    principalId: runs
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}]
