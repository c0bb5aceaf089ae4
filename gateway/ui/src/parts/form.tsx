// Buttons, fields, tabs and dialogs.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import type { Refusal } from "../api";
import { canOperate } from "../session";
import { Icon } from "./icons";

interface ButtonProps {
  onClick?: () => void;
  kind?: "first" | "danger" | "plain" | "";
  slim?: boolean;
  busy?: boolean;
  disabled?: boolean;
  operate?: boolean; // needs a key that may change things
  label?: string;
  submit?: boolean;
  pressed?: boolean;
  children: ComponentChildren;
}

// One that is off or busy can be reached, keeps the focus, and does nothing: `disabled` would drop the focus, and hide
// the reason from who has no mouse.
export function Button({ onClick, kind = "", slim, busy, disabled, operate, label, submit, pressed, children }: ButtonProps) {
  const refused = operate && !canOperate.value;
  const off = disabled || busy || refused;
  return (
    <button
      type={submit ? "submit" : "button"}
      class={`button ${kind} ${slim ? "slim" : ""}`}
      onClick={off ? (event) => event.preventDefault() : onClick}
      aria-disabled={off || undefined}
      aria-label={label}
      aria-busy={busy || undefined}
      aria-pressed={pressed}
      title={refused ? "Your key may read only" : label}
    >
      {children}
    </button>
  );
}

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  fault?: ComponentChildren;
  grow?: boolean;
}

function Field({ id, label, hint, fault, grow, children }: FieldProps & { id: string; children: ComponentChildren }) {
  return (
    <div class={grow ? "field grow" : "field"}>
      <label for={id}>{label}</label>
      {children}
      {hint && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {fault && (
        <span class="fault" id={`${id}-fault`} role="alert">
          {fault}
        </span>
      )}
    </div>
  );
}

const described = (id: string, { hint, fault }: FieldProps) =>
  [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(" ") || undefined;

interface TextProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "number" | "datetime-local";
  placeholder?: string;
  options?: string[]; // that are offered; any other may be typed
  required?: boolean;
  autoFocus?: boolean;
}

export function TextField(props: TextProps) {
  const id = useId();
  const { value, onInput, type = "text", placeholder, options, required, autoFocus } = props;
  const shared = {
    id,
    value,
    placeholder,
    required,
    autofocus: autoFocus,
    autocomplete: "off",
    spellcheck: false,
    "aria-invalid": props.fault ? ("true" as const) : undefined,
    "aria-describedby": described(id, props),
    onInput: (event: { currentTarget: HTMLInputElement }) => onInput(event.currentTarget.value),
  };
  return (
    <Field id={id} {...props}>
      {type === "password" && <input type="password" {...shared} />}
      {type === "datetime-local" && <input type="datetime-local" {...shared} />}
      {type === "number" && <input type="number" step="any" {...shared} />}
      {type === "text" && (options?.length ? <input type="text" list={`${id}-list`} {...shared} /> : <input type="text" {...shared} />)}
      {options?.length ? (
        <datalist id={`${id}-list`}>
          {options.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      ) : null}
    </Field>
  );
}

interface AreaProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  rows?: number;
  readOnly?: boolean;
  area?: { current: HTMLTextAreaElement | null };
  wrap?: string;
}

export function AreaField(props: AreaProps) {
  const id = useId();
  const { value, onInput, rows = 4, readOnly, area, wrap } = props;
  return (
    <Field id={id} {...props}>
      <textarea
        id={id}
        ref={area}
        rows={rows}
        value={value}
        readOnly={readOnly}
        spellcheck={false}
        autocomplete="off"
        wrap={wrap}
        aria-invalid={props.fault ? "true" : undefined}
        aria-describedby={described(id, props)}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </Field>
  );
}

export type Choice = string | [value: string, label: string];

interface SelectProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  choices: Choice[];
  autoFocus?: boolean;
}

export function SelectField(props: SelectProps) {
  const id = useId();
  const { value, onInput, choices, autoFocus } = props;
  return (
    <Field id={id} {...props}>
      <select id={id} value={value} autofocus={autoFocus} aria-describedby={described(id, props)} onInput={(event) => onInput(event.currentTarget.value)}>
        {choices.map((choice) => {
          const [key, label] = typeof choice === "string" ? [choice, choice] : choice;
          return (
            <option key={key} value={key} selected={key === value}>
              {label}
            </option>
          );
        })}
      </select>
    </Field>
  );
}

export function Check({ label, value, onInput }: { label: string; value: boolean; onInput: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onInput={(event) => onInput(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

export function Form({ onSubmit, children, label }: { onSubmit: () => void; children: ComponentChildren; label?: string }) {
  return (
    <form
      class="stack"
      aria-label={label}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {children}
    </form>
  );
}

export function Segments({ label, value, choices, onInput }: { label: string; value: string; choices: Choice[]; onInput: (value: string) => void }) {
  return (
    <div class="segments" role="group" aria-label={label}>
      {choices.map((choice) => {
        const [key, text] = typeof choice === "string" ? [choice, choice] : choice;
        return (
          <button key={key} type="button" aria-pressed={key === value} onClick={() => onInput(key)}>
            {text}
          </button>
        );
      })}
    </div>
  );
}

interface TabsProps {
  label: string;
  value: string;
  tabs: [key: string, label: string][];
  onInput: (value: string) => void;
  children: ComponentChildren;
}

export function Tabs({ label, value, tabs, onInput, children }: TabsProps) {
  const id = useId();
  const move = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    const now = tabs.findIndex(([key]) => key === value);
    const next = tabs[(now + step + tabs.length) % tabs.length];
    if (!next) return;
    onInput(next[0]);
    document.getElementById(`${id}-${next[0]}`)?.focus();
  };
  return (
    <div class="stack">
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={move}>
        {tabs.map(([key, text]) => (
          <button
            key={key}
            id={`${id}-${key}`}
            type="button"
            role="tab"
            aria-selected={key === value}
            aria-controls={`${id}-panel`}
            tabIndex={key === value ? 0 : -1}
            onClick={() => onInput(key)}
          >
            {text}
          </button>
        ))}
      </div>
      <div id={`${id}-panel`} role="tabpanel" aria-labelledby={`${id}-${value}`} class="stack">
        {children}
      </div>
    </div>
  );
}

export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => opener?.focus();
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose} onCancel={onClose}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button kind="plain" slim label="Close" onClick={onClose}>
          <Icon name="close" />
        </Button>
      </header>
      <div class="body">{children}</div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ComponentChildren;
  act: string;
  danger?: boolean;
  word?: string; // that must be typed before
  busy?: boolean;
  error?: Refusal;
  onConfirm: () => void;
  onClose: () => void;
}

export function Confirm({ title, children, act, danger, word, busy, error, onConfirm, onClose }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <Form onSubmit={onConfirm}>
        <div>{children}</div>
        {word && <TextField label={`Type ${word} to confirm`} value={typed} onInput={setTyped} />}
        {error && (
          <p class="bad" role="alert">
            {error.message}
          </p>
        )}
        <div class="row end">
          <Button onClick={onClose}>Cancel</Button>
          <Button submit kind={danger ? "danger" : "first"} busy={busy} disabled={word !== undefined && typed !== word}>
            {act}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
