"""Records one of each with the official OpenTelemetry SDK and sends it to the endpoint in argv[1], by the
protocol in argv[2]: http or grpc.

The exit status says nothing about delivery: force_flush() has answered True with every export failed. What counts is
what arrives.
"""

import logging
import sys

from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

base, protocol = sys.argv[1:3]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    to = {signal: {"endpoint": base, "insecure": True} for signal in ("traces", "metrics", "logs")}
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    to = {signal: {"endpoint": f"{base}/v1/{signal}"} for signal in ("traces", "metrics", "logs")}

resource = Resource.create({"service.name": "python-sdk", "list": ["a", "b"]})

traces = TracerProvider(resource=resource)
exporter = OTLPSpanExporter(compression=Compression.Gzip, **to["traces"])
traces.add_span_processor(BatchSpanProcessor(exporter))
tracer = traces.get_tracer("python.scope", "1.2.3")
for i in range(20):
    with tracer.start_as_current_span(f"python-span-{i}", kind=SpanKind.CLIENT) as span:
        span.set_attribute("i", i)
        span.set_attribute("ratio", i / 7)
        span.add_event("python-event", {"text": "é"})
        span.set_status(Status(StatusCode.ERROR, "python-status"))

logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**to["logs"])))
set_logger_provider(logs)
logger = logging.getLogger("python-logger")
logger.addHandler(LoggingHandler(logger_provider=logs))
logger.warning("python-log %d", 1)

reader = PeriodicExportingMetricReader(OTLPMetricExporter(**to["metrics"]))
metrics = MeterProvider(resource=resource, metric_readers=[reader])
meter = metrics.get_meter("python.meter")
meter.create_counter("python.counter", unit="1").add(41, {"k": "v"})
meter.create_histogram("python.histogram").record(2.5)

for provider in (traces, logs, metrics):
    provider.shutdown()
