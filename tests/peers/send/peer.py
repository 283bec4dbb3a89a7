"""A peer in Python: a gRPC server that tells of itself as grpcio does (v1alpha), and the HTTP server of Python's own library, which speaks HTTP/1.0.

Both listen on loopback; it prints their addresses as one line of JSON, and ends when its standard input does.
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
from google.protobuf import any_pb2, json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection
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


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), compression=grpc.Compression.Gzip)
    peers_pb2_grpc.add_ShopServicer_to_server(Shop(), server)
    names = (peers_pb2.DESCRIPTOR.services_by_name["Shop"].full_name, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    print(json.dumps({"grpc": f"127.0.0.1:{port}", "http": f"127.0.0.1:{pages.server_address[1]}"}), flush=True)
    sys.stdin.read()
    server.stop(0).wait(10)


if __name__ == "__main__":
    main()
