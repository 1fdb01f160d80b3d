import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { start } from "./state/live";
import "./style.css";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id 'root'");
start();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
