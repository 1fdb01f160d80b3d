import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { notices } from "./notices.ts";
import { worldOutline } from "./outline.ts";

// Dev mode talks to a running gateway; another address by SWAPTWIN_GATEWAY. Host and Origin stay those of the dev
// server, since the gateway takes a WebSocket only where the two agree.
const gateway = process.env["SWAPTWIN_GATEWAY"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), worldOutline(), notices()],
  build: { outDir: "../static", emptyOutDir: true, assetsInlineLimit: 0, reportCompressedSize: true },
  server: { proxy: { "/api": { target: gateway, ws: true } } },
  test: { include: ["src/**/*.test.ts"], environment: "node", setupFiles: ["./test-setup.ts"] },
});
