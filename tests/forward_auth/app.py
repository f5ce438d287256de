# An application that knows nothing of phones. Whoever gets here has been let through by the proxy.
import http.server, json

class App(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("handset")}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path, "told": told}).encode())
    do_GET = do_POST

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
print(server.server_port, flush=True)
server.serve_forever()
