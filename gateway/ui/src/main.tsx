import { render } from "preact";
import { App } from "./app";
import "./style/index.css";
import "./theme";

const root = document.getElementById("page");
if (root) render(<App />, root);
