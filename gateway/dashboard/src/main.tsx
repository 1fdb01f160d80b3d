// Before every other style, so that a page may say otherwise.
import "./style.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { preferred, speak } from "./i18n";
import { start } from "./state/live";
import { startTheme } from "./state/theme";
import { startKeys } from "./ui/keys";

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id 'root'");
startTheme();
startKeys();
start();
await speak(preferred());
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
