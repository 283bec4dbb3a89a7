"""A peer in Python: a gRPC server that tells of itself as grpcio does (v1alpha), one that tells of broken descriptors besides, and the HTTP server of
Python's own library, which speaks HTTP/1.0.

All listen on loopback; it prints their addresses as one line of JSON, and ends when its standard input does.
"""

import base64
import email.parser
import email.policy
import http.server
import json
import sys
import threading
from concurrent import futures

import grpc
from google.protobuf import any_pb2, descriptor_pb2, json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

import peers_pb2
import peers_pb2_grpc

TRAILERS = (("cost", "1"), ("cost", "2"), ("proof-bin", b"\x00\xff\x10"))


def told(message, context, number):
    """What is seen of a call and its message."""
    pairs = ((key, base64.b64encode(value).decode() if isinstance(value, bytes) else value) for key, value in context.invocation_metadata())
    left_s = context.time_remaining()
    answer = peers_pb2.Told(
        json=json_format.MessageToJson(message),
        metadata=sorted(f"{key}: {value}" for key, value in pairs),
        deadline_ms=0 if left_s is None or left_s > 1e9 else int(left_s * 1000) + 1,
        number=number,
    )
    if isinstance(message, peers_pb2.Everything):
        answer.seen.CopyFrom(message)
    return answer


class Shop(peers_pb2_grpc.ShopServicer):
    """The shop of peers.proto."""

    @staticmethod
    def ends(context):
        context.send_initial_metadata((("served-by", "python"),))
        context.set_trailing_metadata(TRAILERS)

    def Echo(self, request, context):
        self.ends(context)
        return told(request, context, 1)

    def Collect(self, request_iterator, context):
        messages = list(request_iterator)
        self.ends(context)
        answer = told(messages[-1] if messages else peers_pb2.Everything(), context, len(messages))
        answer.payload = ",".join(message.text for message in messages).encode()
        return answer

    def Count(self, request, context):
        self.ends(context)
        for number in range(1, request.to + 1):
            answer = told(request, context, number)
            answer.payload = bytes(request.payload_bytes)
            yield answer
            if number == request.fail_after:
                context.abort(grpc.StatusCode.DATA_LOSS, f"lost after {number}, 100% sure: ü")

    def Chat(self, request_iterator, context):
        self.ends(context)
        for number, message in enumerate(request_iterator, 1):
            yield told(message, context, number)

    def Fail(self, request, context):
        failure = status_pb2.Status(code=request.code or code_pb2.INTERNAL, message=request.message)
        for detail in (
            error_details_pb2.ErrorInfo(reason="OUT_OF_STOCK", domain="shop.example"),
            error_details_pb2.BadRequest(field_violations=[{"field": "quantity", "description": "more than there are"}]),
        ):
            packed = any_pb2.Any()
            packed.Pack(detail)
            failure.details.append(packed)
        context.abort_with_status(rpc_status.to_status(failure))

    def Wait(self, request, context):
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(60)
        return peers_pb2.Told()


def broken_file(name, *imports):
    """A file with a service of its name, whose method takes what no file has."""
    method = descriptor_pb2.MethodDescriptorProto(name="Ask", input_type=".broken.v1.Nowhere", output_type=".broken.v1.Nowhere")
    return descriptor_pb2.FileDescriptorProto(
        name=f"broken/{name}.proto",
        package="broken.v1",
        syntax="proto3",
        dependency=imports,
        service=[descriptor_pb2.ServiceDescriptorProto(name=name.capitalize(), method=[method])],
    ).SerializeToString()


class BrokenReflection(reflection.ReflectionServicer):
    """Tells what grpcio tells, and broken files beside it."""

    # Listed beside the whole ones; of the last nothing is told at all.
    SERVICES = tuple(f"broken.v1.{name}" for name in ("Garbled", "Wanting", "Circular", "Dangling", "Absent"))
    # What is told of a service or under a name.
    FILES = {
        # A string that is longer than what is there.
        "broken.v1.Garbled": b"\x0a\x7fb",
        # Its import is nowhere.
        "broken.v1.Wanting": broken_file("wanting", "broken/nowhere.proto"),
        # Each imports the other.
        "broken.v1.Circular": broken_file("circular", "broken/back.proto"),
        "broken/back.proto": broken_file("back", "broken/circular.proto"),
        # What its method takes is in no file that it imports.
        "broken.v1.Dangling": broken_file("dangling"),
    }

    def ServerReflectionInfo(self, request_iterator, context):
        for request in request_iterator:
            file = self.FILES.get(request.file_containing_symbol or request.file_by_filename)
            if file is None:
                yield from super().ServerReflectionInfo(iter([request]), context)
            else:
                told = reflection_pb2.FileDescriptorResponse(file_descriptor_proto=[file])
                yield reflection_pb2.ServerReflectionResponse(original_request=request, file_descriptor_response=told)


class Pages(http.server.BaseHTTPRequestHandler):
    """Tells what came, by HTTP/1.0: the body of an answer ends with the connection."""

    def log_message(self, format, *args):
        """Says nothing."""

    def tell(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        seen = {"method": self.command, "target": self.path, "headers": sorted(self.headers.items()), "hex": body.hex()}
        if self.headers.get_content_type() == "multipart/form-data":
            head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
            parts = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body).iter_parts()
            seen["parts"] = [
                [part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True).hex()]
                for part in parts
            ]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(seen).encode())

    do_GET = do_POST = do_PUT = do_DELETE = tell


def serve(tells):
    """Serves the shop; how the server tells of itself is given. The server and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), compression=grpc.Compression.Gzip)
    peers_pb2_grpc.add_ShopServicer_to_server(Shop(), server)
    tells(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main():
    names = (peers_pb2.DESCRIPTOR.services_by_name["Shop"].full_name, reflection.SERVICE_NAME)
    whole, port = serve(lambda server: reflection.enable_server_reflection(names, server))
    broken_reflection = BrokenReflection(names + BrokenReflection.SERVICES)
    broken, broken_port = serve(lambda server: reflection_pb2_grpc.add_ServerReflectionServicer_to_server(broken_reflection, server))
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    ports = {"grpc": port, "grpc_broken": broken_port, "http": pages.server_address[1]}
    print(json.dumps({name: f"127.0.0.1:{port}" for name, port in ports.items()}), flush=True)
    sys.stdin.read()
    for server in (whole, broken):
        server.stop(0).wait(10)


if __name__ == "__main__":
    main()
