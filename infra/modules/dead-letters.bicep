// A topic may write to the data account what it could not deliver. A module of its own, so that the assignment's name holds the
// identity: a topic that is made anew beside an account that stayed (an immutable journal outlives `azd down`) has
// another one, and an assignment's principal cannot be changed (RoleAssignmentUpdateNotPermitted).
param dataAccount string
@description('Principal id of the topic.')
param topic string

var blobContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor

resource data 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccount
}

resource mayWrite 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(data.id, topic, blobContributor)
  scope: data
  properties: {
    principalId: topic
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobContributor)
  }
}
