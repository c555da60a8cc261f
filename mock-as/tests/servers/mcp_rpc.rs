//! JSON-RPC on both MCP wires, and what is malformed on either.

use serde_json::{Value, json};

use crate::stage::{Headers, Reply, Servers};

/// A client past the door.
struct Client {
    servers: Servers,
    token: String,
}

impl Client {
    async fn new() -> Self {
        let servers = Servers::playing("").await;
        Self { token: servers.access_token().await, servers }
    }

    async fn post(&self, headers: Headers<'_>, body: &str) -> Reply {
        self.servers.call("POST", &self.token, headers, body).await
    }

    /// Sends a request of the revision with `initialize`.
    async fn request(&self, method: &str, params: Value) -> Reply {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let headers = [("accept", "application/json, text/event-stream")];
        self.post(&headers, &message.to_string()).await
    }

    /// Sends a request of the revision without.
    async fn stateless(&self, headers: Headers<'_>, method: &str, params: Value) -> Reply {
        let message = json!({ "jsonrpc": "2.0", "id": "one", "method": method, "params": params });
        self.post(headers, &message.to_string()).await
    }
}

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": { "extensions": { "x": {} } },
    })
}

#[tokio::test]
async fn a_client_with_initialize_gets_its_revision_the_tools_and_an_answer() {
    let client = Client::new().await;
    for (asked, agreed) in
        [("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), ("1999", "2025-11-25")]
    {
        let params = json!({ "protocolVersion": asked, "capabilities": {}, "clientInfo": {} });
        let reply = client.request("initialize", params).await;
        assert_eq!((reply.status, reply.header("mcp-session-id")), (200, None));
        let result = &reply.json()["result"];
        assert_eq!(result["protocolVersion"], agreed);
        assert!(result["capabilities"]["tools"].is_object());
        assert!(result["serverInfo"]["name"].is_string() && result["serverInfo"]["version"].is_string());
    }
    let notification = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string();
    let reply = client.post(&[("mcp-protocol-version", "2025-11-25")], &notification).await;
    assert_eq!((reply.status, reply.body.as_str()), (202, ""));
    assert_eq!(
        client.request("ping", json!({})).await.json(),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {} })
    );
    let tools = client.request("tools/list", json!({})).await.json()["result"]["tools"].clone();
    assert_eq!(tools[0]["name"], "test-tool");
    assert_eq!(tools[0]["inputSchema"]["type"], "object");
    let result = client.request("tools/call", json!({ "name": "test-tool", "arguments": { "x": 1 } })).await;
    assert_eq!(result.json()["result"], json!({ "content": [{ "type": "text", "text": "reached" }] }));
}

#[tokio::test]
async fn a_stateless_client_discovers_lists_and_calls() {
    let client = Client::new().await;
    let send = async |method, mut params: Value| {
        params["_meta"] = meta();
        let name = params["name"].as_str().map(str::to_owned);
        let mut headers =
            vec![VERSION, ("mcp-method", method), ("accept", "application/json, text/event-stream")];
        headers.extend(name.as_deref().map(|name| ("mcp-name", name)));
        let reply = client.stateless(&headers, method, params).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
        assert_eq!(reply.json()["id"], "one");
        reply.json()["result"].clone()
    };
    let discovered = send("server/discover", json!({})).await;
    assert_eq!(discovered["supportedVersions"], json!(["2026-07-28"]));
    assert!(discovered["capabilities"]["tools"].is_object());
    let listed = send("tools/list", json!({})).await;
    assert_eq!(listed["tools"][0]["name"], "test-tool");
    for cacheable in [&discovered, &listed] {
        assert_eq!(cacheable["ttlMs"], 0);
        assert_eq!(cacheable["cacheScope"], "private");
        assert_eq!(cacheable["resultType"], "complete");
    }
    let called = send("tools/call", json!({ "name": "test-tool" })).await;
    assert_eq!(called["resultType"], "complete");
    assert_eq!(called["content"][0]["text"], "reached");
}

#[tokio::test]
async fn a_stateless_request_must_carry_its_revision_capabilities_method_and_name() {
    let client = Client::new().await;
    let mut no_capabilities = meta();
    no_capabilities.as_object_mut().unwrap().shift_remove("io.modelcontextprotocol/clientCapabilities");
    let mut later = meta();
    later["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let method = ("mcp-method", "tools/call");
    let table: [(Headers<'_>, Value, i64); 10] = [
        (&[], meta(), -32020),
        (&[VERSION], Value::Null, -32602),
        (&[VERSION], no_capabilities, -32602),
        (&[VERSION], later.clone(), -32020),
        (&[("mcp-protocol-version", "2099-01-01")], later, -32022),
        (&[VERSION, ("mcp-name", "test-tool")], meta(), -32020),
        (&[VERSION, ("mcp-method", "tools/list"), ("mcp-name", "test-tool")], meta(), -32020),
        (&[VERSION, method], meta(), -32020),
        (&[VERSION, method, ("mcp-name", "x")], meta(), -32020),
        (&[VERSION, method, ("mcp-name", "=?base64?!?=")], meta(), -32020),
    ];
    for (headers, meta, code) in table {
        let params = json!({ "name": "test-tool", "_meta": meta });
        let reply = client.stateless(headers, "tools/call", params).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(code)), "{headers:?}");
        let supported = &reply.json()["error"]["data"]["supported"];
        assert_eq!(supported.is_array(), code == -32022, "{headers:?}");
    }
    let params = json!({ "name": "test-tool", "_meta": meta() });
    let headers = [VERSION, method, ("mcp-name", "=?base64?dGVzdC10b29s?=")];
    assert_eq!(client.stateless(&headers, "tools/call", params).await.status, 200);
}

#[tokio::test]
async fn unknown_methods_and_tools_are_errors_of_the_protocol() {
    let client = Client::new().await;
    let error = |reply: &Reply| reply.json()["error"]["code"].clone();
    let unknown = client.request("resources/list", json!({})).await;
    assert_eq!((unknown.status, error(&unknown)), (200, json!(-32601)));
    let tool = client.request("tools/call", json!({ "name": "other" })).await;
    assert_eq!((tool.status, error(&tool)), (200, json!(-32602)));
    let headers = [VERSION, ("mcp-method", "initialize")];
    let initialize = client.stateless(&headers, "initialize", json!({ "_meta": meta() })).await;
    assert_eq!((initialize.status, error(&initialize)), (404, json!(-32601)));
}

#[tokio::test]
async fn what_is_no_message_is_refused_with_400() {
    let client = Client::new().await;
    let table = [
        ("", -32700),
        ("{\"jsonrpc\":", -32700),
        ("\u{0}", -32700),
        ("[]", -32600),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        ("null", -32600),
        ("{}", -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600),
    ];
    for (body, code) in table {
        let reply = client.post(&[], body).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &json!(code)), "{body}");
    }
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[1]}";
    assert_eq!(client.post(&[], ping).await.status, 200);
    assert_eq!(client.post(&[("mcp-protocol-version", "1999-01-01")], ping).await.status, 400);
    let deep = "[".repeat(100_000);
    assert_eq!(client.post(&[], &deep).await.status, 400);
    let response = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}";
    assert_eq!(client.post(&[], response).await.status, 202);
}

#[tokio::test]
async fn a_client_that_takes_streams_alone_gets_one_event() {
    let client = Client::new().await;
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    let reply = client.post(&[("accept", "text/event-stream")], ping).await;
    assert_eq!(reply.header("content-type"), Some("text/event-stream"));
    assert_eq!(reply.body, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n\n");
    for accept in ["application/json", "*/*", "text/event-stream, */*", "text/event-stream,application/json"]
    {
        let reply = client.post(&[("accept", accept)], ping).await;
        assert_eq!(reply.header("content-type"), Some("application/json"), "{accept}");
    }
}

#[tokio::test]
async fn tools_of_calls_are_listed_and_answered() {
    let script = "needs = [\"calls\"]\n[[client.calls]]\nto = \"mcp\"\ntool = \"read-mail\"\n";
    let servers = Servers::playing(script).await;
    let client = Client { token: servers.access_token().await, servers };
    let tools = client.request("tools/list", json!({})).await.json()["result"]["tools"].clone();
    let names = tools.as_array().unwrap().iter().map(|tool| tool["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["test-tool", "read-mail"]);
    let called = client.request("tools/call", json!({ "name": "read-mail" })).await.json();
    assert_eq!(called["result"]["content"][0]["text"], "reached");
}
