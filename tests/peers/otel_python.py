"""Sends a small, fully known set of spans, a log record and a metric with OpenTelemetry's Python SDK, and prints what it sent.

A shop answers POST /orders, calls stock over gRPC, publishes the order to a topic, and logs. Billing handles the message in a
trace of its own, linked to the publishing span, and fails at asking for exchange rates. The same over OTLP/gRPC and over
OTLP/HTTP (protobuf), under names that begin with the transport's.
"""

import argparse
import json
import logging

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context


class Service:
    """One service with a provider and exporters of its own, as a process of its own would have."""

    def __init__(self, name, spans, logs, metrics):
        resource = Resource.create({"service.name": name, "service.instance.id": name + "-1", "service.namespace": "peers"})
        self.name = name
        self.spans = TracerProvider(resource=resource)
        self.spans.add_span_processor(BatchSpanProcessor(spans))
        self.tracer = self.spans.get_tracer("otel_python")
        self.logs = LoggerProvider(resource=resource)
        self.logs.add_log_record_processor(SimpleLogRecordProcessor(logs))
        self.metrics = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(metrics, export_interval_millis=3_600_000)])

    def end(self):
        for provider in (self.spans, self.logs):
            if not provider.force_flush():
                raise SystemExit(f"{self.name}: not everything could be sent")
            provider.shutdown()
        # Reads and sends the counter once; a flush before it would send it twice.
        self.metrics.shutdown()


def send(transport, spans, logs, metrics):
    """Sends the whole story once; gives what was sent."""
    shop, stock, billing = (Service(f"{transport}-{name}", spans(), logs(), metrics()) for name in ("shop", "stock", "billing"))
    topic = f"{transport}.orders"
    sent = []

    def note(service, span):
        context = span.get_span_context()
        sent.append({
            "service": service.name,
            "name": span.name,
            "kind": span.kind.name,
            "trace_id": format(context.trace_id, "032x"),
            "span_id": format(context.span_id, "016x"),
        })

    message = {"messaging.system": "kafka", "messaging.destination.name": topic, "messaging.message.conversation_id": "order-4711"}
    with shop.tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER, attributes={"http.request.method": "POST", "http.route": "/orders", "http.response.status_code": 202}) as server:
        note(shop, server)
        logger = logging.getLogger(shop.name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(LoggingHandler(logger_provider=shop.logs))
        logger.info("order 4711 taken")
        shop.metrics.get_meter("otel_python").create_counter("orders").add(1)
        rpc = {"rpc.system": "grpc", "rpc.service": "stock.Stock", "rpc.method": "Reserve", "rpc.grpc.status_code": 0}
        with shop.tracer.start_as_current_span("stock.Stock/Reserve", kind=SpanKind.CLIENT, attributes={**rpc, "server.address": "stock.local", "server.port": 50051}) as client:
            note(shop, client)
            with stock.tracer.start_as_current_span("stock.Stock/Reserve", context=set_span_in_context(client), kind=SpanKind.SERVER, attributes=rpc) as reserve:
                note(stock, reserve)
        with shop.tracer.start_as_current_span(f"publish {topic}", kind=SpanKind.PRODUCER, attributes={**message, "messaging.operation.type": "publish", "messaging.operation.name": "publish"}) as producer:
            note(shop, producer)

    process = {**message, "messaging.operation.type": "process", "messaging.operation.name": "process", "messaging.consumer.group.name": billing.name}
    with billing.tracer.start_as_current_span(f"process {topic}", kind=SpanKind.CONSUMER, links=[Link(producer.get_span_context())], attributes=process) as consumer:
        note(billing, consumer)
        rates = billing.tracer.start_span("GET", kind=SpanKind.CLIENT, attributes={"http.request.method": "GET", "url.full": "http://rates.local/eur", "server.address": "rates.local"})
        note(billing, rates)
        try:
            raise ConnectionError("rates.local refused the connection")
        except ConnectionError as error:
            rates.record_exception(error)
            rates.set_status(Status(StatusCode.ERROR, str(error)))
        rates.end()
    for service in (shop, stock, billing):
        service.end()
    return {"transport": transport, "topic": topic, "spans": sent, "num_logs": 1, "num_metric_points": 1}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grpc", metavar="HOST:PORT", required=True)
    parser.add_argument("--http", metavar="HOST:PORT", required=True)
    arguments = parser.parse_args()
    at = f"http://{arguments.http}/v1"
    grpc = {"endpoint": arguments.grpc, "insecure": True, "timeout": 10}
    gzip = {"timeout": 10, "compression": Compression.Gzip}
    print(json.dumps([
        send("python-grpc", lambda: GrpcSpans(**grpc), lambda: GrpcLogs(**grpc), lambda: GrpcMetrics(**grpc)),
        send("python-http", lambda: HttpSpans(f"{at}/traces", **gzip), lambda: HttpLogs(f"{at}/logs", **gzip), lambda: HttpMetrics(f"{at}/metrics", **gzip)),
    ]))


main()
