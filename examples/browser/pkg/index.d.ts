/** What a client needs to know. Name `issuer` or `homeserver`, not both. */
export interface Options {
  /** The provider's issuer, as it writes it: `https://op.example.org`. */
  issuer?: string;
  /** A Matrix homeserver: its URL, or the name of its server. */
  homeserver?: string;
  /** The registered page to which the provider sends the user back. It must be of this origin. */
  redirectUri: string;
  /** The registered client. Without it, each login registers one (RFC 7591). */
  clientId?: string;
  /** For a registration: a name that the provider shows to the user. By default the page's title. */
  clientName?: string;
  /** For a registration at a homeserver, which requires it: an `https` page about the application. */
  clientUri?: string;
  /** The page to which the provider sends the user after a logout there. */
  postLogoutRedirectUri?: string;
  /** Values joined by spaces. By default `openid`; at a homeserver what to ask for beside its API, by default nothing. */
  scope?: string;
  /** Origins, beside the provider's and the homeserver's, that `fetch` may send the token to. */
  resources?: string[];
  /** The name of the session's record: one for each session that the origin has at a time. By default `session`. */
  name?: string;
  /** Binds tokens to a key that nobody can export, where the provider supports it (RFC 9449). By default `true`. */
  dpop?: boolean;
  /** For development: allows `http` on loopback, for the provider and the homeserver. By default `false`. */
  insecureLoopback?: boolean;
  /** Where the module is, if a bundler has moved it. */
  module?: URL | string;
}

/** Who is logged in. Times are in milliseconds since the epoch. */
export interface User {
  /** `sub` of the ID token; at a homeserver the user ID. */
  subject: string | null;
  /** The device at a homeserver. */
  deviceId: string | null;
  /** The claims of the verified ID token. */
  claims: Record<string, unknown> | null;
  /** The granted scope. */
  scope: string;
  /** `DPoP` if the tokens are bound to a key. */
  tokenType: "DPoP" | "Bearer";
  obtainedAt: number;
  /** When the access token expires. It is replaced before: 10 % of its lifetime earlier, or a minute for a long one. */
  expiresAt: number | null;
  /** Whether there is a refresh token. */
  canRefresh: boolean;
  /** What is known of the access token. `doubtful`: the provider may have ended it, and is being asked. */
  standing: "good" | "doubtful" | "refused" | "expired";
}

/** What a program does about an error. */
export type Recovery =
  | "retry"
  | "ignore"
  | "log_in_again"
  | "register_again"
  | "fix_configuration"
  | "fix_environment"
  | "provider_broken"
  | "denied";

/** Why something failed. No member contains a secret. */
export class OidcError extends Error {
  /** A stable name, as `docs/codes.md` lists them. Those of this package begin with `page.`. */
  readonly code: string;
  /** What to do, for a person. May be empty. */
  readonly hint: string;
  readonly recovery: Recovery;
  /** Seconds that the provider asks to wait. */
  readonly retryAfter: number | null;
  /** The session is over. */
  readonly isOver: boolean;
}

/** `error` is why, for an event that reports a failure. */
export type SessionEvent = CustomEvent<{ error: OidcError | null }>;

/** The events of a session. `change` follows each of the others, and every login and logout of this window. */
export interface Events {
  change: SessionEvent;
  /** There are new tokens. */
  tokens_refreshed: SessionEvent;
  /** The user has to log in again. */
  needs_login: SessionEvent;
  /** A resource requires a stronger or more recent login. */
  step_up: SessionEvent;
  /** The account is locked. */
  locked: SessionEvent;
  /** Another window has logged out. */
  logged_out_elsewhere: SessionEvent;
  /** Another user has logged in, in another window. */
  replaced: SessionEvent;
  /** The provider does not accept the client. */
  client_rejected: SessionEvent;
  /** The provider sent tokens that cannot be trusted. The old ones are kept. */
  refused: SessionEvent;
  /** The tokens are in memory only, and it is tried again. */
  not_saved: SessionEvent;
  /** The record could not be erased. */
  not_erased: SessionEvent;
  /** Tokens that the session does not use any more could not be revoked. They end by themselves when they expire. */
  not_revoked: SessionEvent;
  /** Many attempts in a row have failed. */
  stalled: SessionEvent;
  /** An attempt has failed, and another one follows. */
  backing_off: SessionEvent;
}

/** A client at a provider or at a homeserver. Its methods throw `OidcError`. */
export class OidcClient extends EventTarget {
  private constructor();

  /**
   * Takes the callback out of the page's URL, and cleans the URL, also if the callback is wrong. `open` does so, too: call
   * this first if something else comes before that can fail or that sends the URL elsewhere. Returns whether there is a
   * callback whose login has not ended yet: `handleCallback` ends it. Where the module cannot be loaded, the URL stays as
   * it is, and a later call finds the callback.
   */
  static takeCallback(module?: URL | string): Promise<boolean>;

  /**
   * Makes another key in the place of the session's, which is damaged: `open` has thrown `private_key.unusable`. The user
   * has to log in again. `name` is the session's.
   */
  static renewKey(options?: { name?: string; module?: URL | string }): Promise<void>;

  /** Loads the module, takes the callback out of the page's URL, and reads the provider's metadata. */
  static open(options: Options): Promise<OidcClient>;

  readonly issuer: string;
  /** The homeserver's URL. */
  readonly homeserver: string | null;
  /** Who is logged in, as far as this window knows. */
  readonly user: User | null;

  /**
   * Sends the user to the provider: the page is left. `state` comes back with the callback; it must be a value that JSON
   * has.
   */
  login(options?: { loginHint?: string; state?: unknown }): Promise<void>;

  /**
   * Ends the login whose callback the page's URL was. `null` if it was none. The login is forgotten before the code is sent.
   * `callback.no_login`: no login of this tab has this callback.
   */
  handleCallback(): Promise<{ user: User; state?: unknown } | null>;

  /**
   * Goes on with the session of an earlier page or of another window. `null` if there is none. A homeserver is asked whose
   * it is.
   */
  resume(): Promise<User | null>;

  /** The claims of the userinfo endpoint. */
  userinfo(): Promise<Record<string, unknown>>;

  /** Gets newer tokens now. The session does so by itself before they expire. */
  refresh(): Promise<User>;

  /**
   * `fetch` with the token, and with a proof of the key where the token is bound to one. A refused token is replaced,
   * and the request sent once more. Only to the provider, the homeserver and `resources`: `page.foreign_resource`.
   * Redirects are refused, cookies are not sent, and the response is whole: at most 16 MiB.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>;

  /**
   * Ends the session in all windows and revokes its tokens. `atProvider` also sends the user to the provider's logout
   * page, where there is one. The session is over even if something failed: `revocationError` is why the revocation did,
   * `providerError` why the user is not sent to the provider.
   */
  logout(options?: { atProvider?: boolean }): Promise<{
    revocationError: OidcError | null;
    providerError: OidcError | null;
  }>;

  addEventListener<K extends keyof Events>(
    name: K,
    listener: (event: Events[K]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    name: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
  removeEventListener<K extends keyof Events>(
    name: K,
    listener: (event: Events[K]) => void,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(
    name: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void;
}
