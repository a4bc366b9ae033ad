// Records one of each with the official OpenTelemetry SDK and sends it to the endpoint in argv[2], by the protocol in
// argv[3]: http (protobuf), json or grpc. What counts is what arrives, not what this says.

const [base, protocol] = process.argv.slice(2);
const family = { http: "proto", json: "http", grpc: "grpc" }[protocol];
const exporter = (signal) => require(`@opentelemetry/exporter-${signal}-otlp-${family}`);
const to = (signal) => ({ url: protocol === "grpc" ? base : `${base}/v1/${signal}`, compression: "gzip" });

const { SpanKind, SpanStatusCode } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BasicTracerProvider, BatchSpanProcessor } = require("@opentelemetry/sdk-trace-base");
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");

const resource = resourceFromAttributes({ "service.name": "javascript-sdk", list: ["a", "b"] });

const spanExporter = new (exporter("trace").OTLPTraceExporter)(to("traces"));
const traces = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(spanExporter)] });
const tracer = traces.getTracer("javascript.scope", "1.2.3");
for (let i = 0; i < 20; i++) {
  const span = tracer.startSpan(`javascript-span-${i}`, { kind: SpanKind.CLIENT });
  span.setAttribute("i", i);
  span.setAttribute("ratio", i / 7);
  span.addEvent("javascript-event", { text: "\u00e9" });
  span.setStatus({ code: SpanStatusCode.ERROR, message: "javascript-status" });
  span.end();
}

const logExporter = new (exporter("logs").OTLPLogExporter)(to("logs"));
const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: logExporter })] });
logs.getLogger("javascript-logger").emit({ severityNumber: 13, body: "javascript-log 1" });

const metricExporter = new (exporter("metrics").OTLPMetricExporter)(to("metrics"));
const readers = [new PeriodicExportingMetricReader({ exporter: metricExporter })];
const metrics = new MeterProvider({ resource, readers });
const meter = metrics.getMeter("javascript.meter");
meter.createCounter("javascript.counter", { unit: "1" }).add(41, { k: "v" });
meter.createHistogram("javascript.histogram").record(2.5);

Promise.all([traces, logs, metrics].map((provider) => provider.shutdown()));
