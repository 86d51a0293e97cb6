#!/bin/sh
# After `azd deploy`: subscribe the functions to their events. New functions take a while to be indexed, hence the tries.
# az may be set to another subscription than azd, so it is named.
set -eu
tries=6
for try in $(seq "$tries"); do
  if az deployment group create --only-show-errors --output none \
    --subscription "$AZURE_SUBSCRIPTION_ID" --resource-group "$AZURE_RESOURCE_GROUP" --name "baton-subscriptions" --template-file infra/subscriptions.bicep \
    --parameters storageTopic="$BATON_STORAGE_TOPIC" workspaceTopic="$BATON_WORKSPACE_TOPIC" \
    customTopic="$BATON_CUSTOM_TOPIC" appId="$BATON_APP_ID" dataAccountId="$BATON_DATA_ACCOUNT_ID"; then
    echo "Event Grid is subscribed."
    exit 0
  fi
  echo "Try $try of $tries failed; the functions may not be indexed yet. Again in 30 s." >&2
  sleep 30
done
echo "Event Grid is not subscribed. Next: see that the app lists its functions in the portal, then run infra/subscribe.sh again." >&2
exit 1
