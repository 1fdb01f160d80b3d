// An OPC UA client on node-opcua, for tests. Usage: node opcua_client.cjs ENDPOINT NAMESPACE_URI IDENTIFIER...
//
// It subscribes to the nodes and prints one line of JSON for each notification:
//   {"node", "value", "status", "sourceTime"}     time in epoch seconds
// Environment: PEER_POLICY a security policy, with SignAndEncrypt; PEER_USER, PEER_PASSWORD;
//   PEER_WRITE="IDENTIFIER VALUE" JSON of a value to write first; it prints {"written": STATUS}
"use strict";
const {
  OPCUAClient,
  AttributeIds,
  ClientMonitoredItem,
  ClientSubscription,
  MessageSecurityMode,
  OPCUACertificateManager,
  SecurityPolicy,
  TimestampsToReturn,
  UserTokenType,
} = require("node-opcua");
const os = require("os");
const path = require("path");

async function main() {
  const [endpoint, uri, ...identifiers] = process.argv.slice(2);
  const { PEER_POLICY, PEER_USER, PEER_PASSWORD, PEER_WRITE } = process.env;
  const client = OPCUAClient.create({
    endpointMustExist: false,
    securityMode: PEER_POLICY ? MessageSecurityMode.SignAndEncrypt : MessageSecurityMode.None,
    securityPolicy: PEER_POLICY ? SecurityPolicy[PEER_POLICY] : SecurityPolicy.None,
    clientCertificateManager: new OPCUACertificateManager({
      automaticallyAcceptUnknownCertificate: true,
      rootFolder: path.join(os.homedir(), "client-pki"),
    }),
    connectionStrategy: { maxRetry: 2, initialDelay: 200, maxDelay: 1000 },
  });
  await client.connect(endpoint);
  const session = await client.createSession(
    PEER_USER ? { type: UserTokenType.UserName, userName: PEER_USER, password: PEER_PASSWORD } : undefined,
  );
  const namespaces = await session.readNamespaceArray();
  const index = namespaces.indexOf(uri);
  if (index < 0) throw new Error(`no namespace ${uri} among ${namespaces}`);
  if (PEER_WRITE) {
    const [identifier, number] = PEER_WRITE.split(" ");
    const nodeId = `ns=${index};${identifier}`;
    const { dataType } = (await session.read({ nodeId, attributeId: AttributeIds.Value })).value;
    const status = await session.write({
      nodeId,
      attributeId: AttributeIds.Value,
      value: { value: { dataType, value: JSON.parse(number) } },
    });
    process.stdout.write(`${JSON.stringify({ written: status.name })}\n`);
  }
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
