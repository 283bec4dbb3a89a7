// Sends a small, fully known set of spans with OpenTelemetry's JavaScript SDK as OTLP/HTTP with JSON, and prints what it sent.
// A shop answers POST /orders and calls stock over HTTP.

import { SpanKind, context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [flag, address] = process.argv.slice(2);
if (flag !== "--http" || !address) {
  console.error("usage: otel_node --http HOST:PORT");
  process.exit(2);
}

const providers = [];
const sent = [];

function service(name) {
  const exporter = new OTLPTraceExporter({ url: `http://${address}/v1/traces`, timeoutMillis: 10_000 });
  const resource = resourceFromAttributes({ "service.name": name, "service.instance.id": `${name}-1`, "service.namespace": "peers" });
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  providers.push(provider);
  return { name, tracer: provider.getTracer("otel_node") };
}

function start(service, name, kind, parent, attributes) {
  const span = service.tracer.startSpan(name, { kind, attributes }, parent ? trace.setSpan(context.active(), parent) : context.active());
  const { traceId, spanId } = span.spanContext();
  sent.push({ service: service.name, name, kind: SpanKind[kind], trace_id: traceId, span_id: spanId });
  return span;
}

const shop = service("node-http-shop");
const stock = service("node-http-stock");
const order = start(shop, "POST /orders", SpanKind.SERVER, undefined, { "http.request.method": "POST", "http.route": "/orders", "http.response.status_code": 202 });
const http = { "http.request.method": "PUT", "http.response.status_code": 200 };
const call = start(shop, "PUT", SpanKind.CLIENT, order, { ...http, "url.full": "http://stock.local/reservations", "server.address": "stock.local" });
start(stock, "PUT /reservations", SpanKind.SERVER, call, { ...http, "http.route": "/reservations" }).end();
call.end();
order.end();
for (const provider of providers) {
  await provider.forceFlush();
  await provider.shutdown();
}
console.log(JSON.stringify([{ transport: "node-http", topic: null, spans: sent, num_logs: 0, num_metric_points: 0 }]));
