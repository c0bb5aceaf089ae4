// Asks for a key, where the gateway wants one.
import { useState } from "preact/hooks";
import type { Refusal } from "./api";
import { Notice } from "./parts/card";
import { Button, Form, TextField } from "./parts/form";
import { key, useKey } from "./session";
import mark from "./mark.svg";

export function SignIn({ refusal }: { refusal: Refusal }) {
  const [typed, setTyped] = useState("");
  return (
    <main class="sign-in">
      <div class="card">
        <div class="body">
          <div class="brand">
            <img src={mark} alt="" />
            recgate
          </div>
          <h1>Who are you?</h1>
          {refusal.status === 404 ? (
            <Notice tone="warn" title="The gateway lets nobody in from here.">
              It has no keys for administrators, so only its own machine may look. Configure <code>admin.keys</code>, or open this page on that
              machine.
            </Notice>
          ) : (
            <p class="soft">Type one of the configuration's admin keys. This tab keeps it until you close it.</p>
          )}
          <Form onSubmit={() => useKey(typed.trim())}>
            <TextField
              label="Key"
              type="password"
              value={typed}
              onInput={setTyped}
              required
              autoFocus
              fault={key.value && refusal.status !== 404 ? refusal.message : undefined}
            />
            <Button kind="first" submit>
              Sign in
            </Button>
          </Form>
        </div>
      </div>
    </main>
  );
}
