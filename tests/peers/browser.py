"""A browser with a user before it: keeps cookies, follows redirects, fills in forms.

    python3 browser.py [--user NAME] [--password TEXT] [--deny] [--away] [--cookies FILE] [--until REDIRECT_URI] URL

It ends with 0 at a page where nothing is left to do. With --until it prints the URL that begins so, and does not load it.
Where it is stranded, it prints the page and ends with 1. With --cookies it has the cookies of its last run, which are kept in
this file; without, it knows nothing. With --away there is no user, and no form is filled in.
"""

import argparse
import html.parser
import http.client
import json
import pathlib
import re
import sys
import urllib.parse

STEPS = 25


class Page(html.parser.HTMLParser):
    """The forms of a page: method, action, and the inputs as (type, name, value, checked). And the URLs of its buttons."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.buttons = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if went := re.match(r"location\.href='([^']+)'", given.get("onclick") or ""):
            self.buttons.append(went[1])
        if tag == "form":
            method = (given.get("method") or "get").lower()
            self.forms.append({"method": method, "action": given.get("action") or "", "inputs": [], "id": given.get("id")})
        if not self.forms or tag not in ("input", "button", "select", "textarea"):
            return
        kind = (given.get("type") or ("submit" if tag == "button" else "text")).lower()
        if kind == "text" and given.get("name") == "password":
            kind = "password"
        named = (kind, given.get("name"), given.get("value") or "", "checked" in given)
        self.forms[-1]["inputs"].append(named)


def words(text):
    return (text or "").lower()


YES = ("accept", "allow", "authorize", "approve", "yes", "consent", "confirm", "continue", "grant", "true", "allowed", "logout")
NO = ("deny", "cancel", "no", "reject", "abort", "decline", "false", "denied")


def fill(form, user, password, deny):
    """The fields to send, or None if a human would not submit this form."""
    fields, buttons, asked = [], [], False
    for kind, name, value, checked in form["inputs"]:
        if kind in ("submit", "image", "button"):
            if kind != "button":
                buttons.append((name, value))
        elif not name:
            continue
        elif kind == "hidden":
            fields.append((name, value))
        elif kind == "password":
            asked = True
            fields.append((name, password))
        elif kind in ("checkbox", "radio"):
            if kind == "checkbox" or checked or words(value) in YES:
                fields.append((name, value or "on"))
        elif kind in ("text", "email"):
            asked = True
            fields.append((name, value or user))
        else:
            fields.append((name, value))
    wanted, unwanted = (NO, YES) if deny and not asked else (YES, NO)
    named = [button for button in buttons if button[0]]

    def says(button, vocabulary):
        return any(word in (words(button[0]), words(button[1])) for word in vocabulary)

    # The first words say it best: a page that asks for consent may offer to log out, too.
    chosen = [button for word in wanted for button in named if says(button, [word])]
    chosen = chosen or [button for button in named if not says(button, unwanted)]
    return fields + chosen[:1]


class Browser:
    def __init__(self, user, password, deny=False, until=None, away=False):
        self.user, self.password, self.deny, self.until, self.away = user, password, deny, until, away
        self.cookies = {}

    def send(self, method, url, body=None, content_type="application/x-www-form-urlencoded"):
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(host, parts.port, timeout=60)
        headers = {"Accept": "text/html,application/xhtml+xml", "User-Agent": "Mozilla/5.0", "Accept-Language": "en"}
        origin = f"{parts.scheme}://{parts.netloc}"
        own = [f"{name}={value}" for (of, name), value in self.cookies.items() if of == parts.netloc]
        if own:
            headers["Cookie"] = "; ".join(own)
        if body is not None:
            headers |= {"Content-Type": content_type, "Origin": origin, "Referer": url}
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        page = response.read().decode("utf-8", "replace")
        for line in response.headers.get_all("Set-Cookie") or []:
            pair, _, attributes = line.partition(";")
            name, _, value = pair.partition("=")
            key = (parts.netloc, name.strip())
            if "max-age=0" in words(attributes) or "1970" in attributes or not value:
                self.cookies.pop(key, None)
            else:
                self.cookies[key] = value.strip()
        connection.close()
        return response.status, response.headers.get("Location"), page

    def by_api(self, url):
        """What the pages of Glewlwyd send, which are a program. Returns where it goes on, or None at another page."""
        parts = urllib.parse.urlsplit(url)
        asked = dict(urllib.parse.parse_qsl(parts.query))
        if not parts.path.endswith("/login.html"):
            return None
        api, json_type = f"{parts.scheme}://{parts.netloc}/api", "application/json"
        if asked.get("prompt") == "end_session":
            # The button of the logout page.
            session = f"{api}/{asked['plugin']}/session/{asked['sid']}"
            for ended in (session, f"{api}/auth/"):
                status, _, page = self.send("DELETE", ended)
                if status != 200:
                    raise RuntimeError(f"the session is not ended: {status} {page}")
            return asked.get("callback_url")
        if "callback_url" not in asked:
            return None
        user = json.dumps({"username": self.user, "password": self.password})
        self.send("POST", f"{api}/auth/", user, json_type)
        granted = json.dumps({"scope": "" if self.deny else asked.get("scope", "openid")})
        self.send("PUT", f"{api}/auth/grant/{asked['client_id']}", granted, json_type)
        return asked["callback_url"] + "&g_continue"

    def visit(self, url):
        """Goes on until a page has no form to fill in, and returns its status, URL and text."""
        method, body = "GET", None
        for _ in range(STEPS):
            if not self.away:
                url = self.by_api(url) or url
            if self.until and url.startswith(self.until):
                return 200, url, ""
            status, location, page = self.send(method, url, body)
            method, body = "GET", None
            if location:
                url = urllib.parse.urljoin(url, location)
                if self.until and url.startswith(self.until):
                    return 200, url, ""
                continue
            seen = Page(page)
            if self.away:
                return status, url, page
            form = self.choose(seen.forms) if status < 500 else None
            if form is None:
                wanted = NO if self.deny else YES
                there = [button for button in seen.buttons if any(f"={word}" in button for word in wanted)]
                if not there:
                    return status, url, page
                url = urllib.parse.urljoin(url, there[0])
                continue
            fields = fill(form, self.user, self.password, self.deny)
            if "location.hash" in page:
                # A script of the page would fill in the fragment.
                fields = [(name, urllib.parse.urlsplit(url).fragment) for name, _ in fields]
            fields = urllib.parse.urlencode(fields)
            url = urllib.parse.urljoin(url, form["action"])
            if form["method"] == "post":
                method, body = "POST", fields
            else:
                url = urllib.parse.urlunsplit(urllib.parse.urlsplit(url)._replace(query=fields))
        raise RuntimeError(f"in circles at {url}")

    @staticmethod
    def choose(forms):
        """The form that asks for a password, else the one that is posted, else none: searches and languages are got."""
        for form in forms:
            if any(kind == "password" for kind, *_ in form["inputs"]):
                return form
        return next((form for form in forms if form["method"] == "post" or form["id"]), None)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--user", default="alice")
    arguments.add_argument("--password", default="correct horse battery")
    arguments.add_argument("--deny", action="store_true")
    arguments.add_argument("--away", action="store_true")
    arguments.add_argument("--cookies", type=pathlib.Path)
    arguments.add_argument("--until")
    arguments.add_argument("url")
    given = arguments.parse_args()
    browser = Browser(given.user, given.password, given.deny, given.until, given.away)
    if given.cookies and given.cookies.exists():
        browser.cookies = {(host, name): value for host, name, value in json.loads(given.cookies.read_text())}
    status, url, page = browser.visit(given.url)
    if given.cookies:
        given.cookies.write_text(json.dumps([[*key, value] for key, value in browser.cookies.items()]))
    if given.until and url.startswith(given.until):
        print(url)
    elif status >= 400 or given.until:
        # No query: it may hold a code.
        print(f"stranded at {url.split('?')[0]} with {status}: {page[:2000]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
