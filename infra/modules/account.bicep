// One storage account that takes identities only: no account key, no public blob, nothing below TLS 1.2.
param name string
param location string
param tags object
param containers array = []
param queues array = []
param tables array = []
@description('Containers whose blobs can be written once and appended to, but not changed, and not deleted for a time.')
param immutable array = []
@minValue(1)
@maxValue(146000)
param immutableDays int = 365
@description('Whether their policies were locked by hand. A locked one takes no deployment, only az storage container immutability-policy extend.')
param locked bool = false
@description('Prefix (container/...) to the days after which its blobs are deleted.')
param deleteAfterDays object = {}
@description('Whether what is written over or deleted is kept as an earlier version.')
param versioned bool = false
@minValue(1)
@description('Days after its writing for which an earlier version is kept; then it is soft-deleted.')
param versionDays int = 30
@minValue(1)
@maxValue(365)
@description('Days for which what was deleted can be brought back, unless the app erased it for good.')
param softDeleteDays int = 14

var deletions = [for rule in items(deleteAfterDays): {
  name: 'delete-${replace(rule.key, '/', '')}'
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: [ 'blockBlob' ], prefixMatch: [ rule.key ] }
    actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: rule.value } } }
  }
}]
var versionsEnd = {
  name: 'delete-earlier-versions'
  type: 'Lifecycle'
  definition: {
    filters: { blobTypes: [ 'blockBlob' ] }
    actions: { version: { delete: { daysAfterCreationGreaterThan: versionDays } } }
  }
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: { defaultAction: 'Allow', bypass: 'AzureServices' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: versioned
    // Forgetting a person's rows must end at once: who has the owner role on blobs may erase an earlier version for good.
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays, allowPermanentDelete: versioned }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource allContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [for container in containers: {
  parent: blobs
  name: container
  properties: { publicAccess: 'None' }
}]

// Unlocked: an owner of the account may still shorten or remove it. Locking it is a decision of its own (docs/audit.md).
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = [for container in locked ? [] : immutable: {
  name: '${account.name}/default/${container}/default'
  properties: {
    immutabilityPeriodSinceCreationInDays: immutableDays
    allowProtectedAppendWrites: true
  }
  dependsOn: [ allContainers ]
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = if (!empty(queues)) {
  parent: account
  name: 'default'
}

resource allQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [for queue in queues: {
  parent: queueService
  name: queue
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = if (!empty(tables)) {
  parent: account
  name: 'default'
}

resource allTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [for table in tables: {
  parent: tableService
  name: table
}]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (versioned || !empty(deleteAfterDays)) {
  parent: account
  name: 'default'
  properties: { policy: { rules: concat(deletions, versioned ? [ versionsEnd ] : []) } }
  dependsOn: [ blobs ]
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
