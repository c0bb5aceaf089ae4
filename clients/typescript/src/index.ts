/** A typed client of recgate's API: `Client`. */
import { AdminOperations, Operations } from "./operations.js";
import { type ClientOptions, Transport } from "./transport.js";

export type * as models from "./models.js";
export type * from "./operations.js";
export type { CallOptions, ClientOptions, Conditional, ConditionalOptions, ETag } from "./transport.js";
export { RecgateError } from "./transport.js";

/** `admin` has the operations for operators. */
export class Client extends Operations {
  readonly admin: AdminOperations;

  constructor(baseUrl: string, options: ClientOptions = {}) {
    super(new Transport(baseUrl, options));
    this.admin = new AdminOperations(this.transport);
  }
}
