// An OPC UA client on node-opcua, for tests. Usage: node opcua_client.cjs ENDPOINT NAMESPACE_URI IDENTIFIER...
//
// It subscribes to the nodes and prints one line of JSON for each notification:
//   {"node", "value", "status", "sourceTime"}     time in epoch seconds
"use strict";
const {
  OPCUAClient,
  AttributeIds,
  ClientMonitoredItem,
  ClientSubscription,
  MessageSecurityMode,
  SecurityPolicy,
  TimestampsToReturn,
} = require("node-opcua");

async function main() {
  const [endpoint, uri, ...identifiers] = process.argv.slice(2);
  const client = OPCUAClient.create({
    endpointMustExist: false,
    securityMode: MessageSecurityMode.None,
    securityPolicy: SecurityPolicy.None,
    connectionStrategy: { maxRetry: 2, initialDelay: 200, maxDelay: 1000 },
  });
  await client.connect(endpoint);
  const session = await client.createSession();
  const namespaces = await session.readNamespaceArray();
  const index = namespaces.indexOf(uri);
  if (index < 0) throw new Error(`no namespace ${uri} among ${namespaces}`);
  const subscription = ClientSubscription.create(session, {
    requestedPublishingInterval: 200,
    requestedMaxKeepAliveCount: 20,
    requestedLifetimeCount: 100,
    publishingEnabled: true,
  });
  for (const identifier of identifiers) {
    const item = ClientMonitoredItem.create(
      subscription,
      { nodeId: `ns=${index};${identifier}`, attributeId: AttributeIds.Value },
      { samplingInterval: 100, queueSize: 10 },
      TimestampsToReturn.Both,
    );
    item.on("changed", (data) => {
      const line = {
        node: identifier,
        value: data.value.value,
        status: data.statusCode.name,
        sourceTime: data.sourceTimestamp ? data.sourceTimestamp.getTime() / 1000 : null,
      };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    });
  }
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
