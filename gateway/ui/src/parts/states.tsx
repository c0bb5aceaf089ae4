// What stands where data is not there yet, can't be had, or is none.
import type { ComponentChildren } from "preact";
import type { Refusal } from "../api";
import type { Resource } from "../resource";
import { Notice } from "./card";
import { Button } from "./form";
import { Icon } from "./icons";

export function Loading({ what = "data" }: { what?: string }) {
  return (
    <div class="card skeleton" role="status">
      <span class="hidden-text">Loading {what}</span>
      <i />
      <i />
      <i />
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name="empty" size={30} />
      <strong>{title}</strong>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Failed({ error, retry }: { error: Refusal; retry?: () => void }) {
  return (
    <Notice tone="bad" role="alert" title={error.message}>
      <div class="row">
        {error.code && <code class="soft">{error.status ? `${error.status} ${error.code}` : error.code}</code>}
        {retry && (
          <Button slim onClick={retry}>
            Try again
          </Button>
        )}
      </div>
    </Notice>
  );
}

// Shows a resource: a skeleton first, the refusal where there is one, and the data as soon and as long as it is known.
export function Shown<T>({ of, what, children }: { of: Resource<T>; what?: string; children: (data: T) => ComponentChildren }) {
  if (of.data === undefined) {
    if (of.error) return <Failed error={of.error} retry={of.reload} />;
    return <Loading what={what} />;
  }
  return (
    <>
      {of.error && <Failed error={of.error} retry={of.reload} />}
      {children(of.data)}
    </>
  );
}
