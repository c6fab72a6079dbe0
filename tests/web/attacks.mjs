// What must not work: foreign pages, frames, text that wants to be more than text,
// and looking that changes something.
import assert from "node:assert/strict";
import { createServer } from "node:http";

/** Serves one page from another origin, and returns its address. */
async function elsewhere(html) {
  const server = createServer((_, answer) => {
    answer.writeHead(200, { "content-type": "text/html" });
    answer.end(html);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

const whole = (page) =>
  page.evaluate(() => ({
    scripts: [...document.querySelectorAll("script")].map((script) => script.getAttribute("src")),
    foreign: document.querySelectorAll("main script, main iframe, main svg, main img, main object, main [onerror], main [onload], main [onfocus], main style").length,
    pwned: window.pwned,
    text: document.body.innerText,
  }));

export async function storedScripts(stage) {
  const bob = await stage.window("bob_approver");
  for (const name of stage.hostile) {
    const { id } = await stage.ask(name);
    for (const path of ["/", `/requests/${id}`, "/history"]) {
      await bob.goto(stage.url + path);
      const { scripts, foreign, pwned } = await whole(bob);
      assert.equal(foreign, 0, `${name} on ${path}`);
      assert.equal(pwned, undefined, `${name} on ${path}`);
      assert.ok(scripts.length === 1 && /^\/assets\/gate\.[0-9a-f]{16}\.js$/.test(scripts[0]), scripts);
    }
    await bob.goto(`${stage.url}/requests/${id}`);
    // A comment is somebody's text too.
    await bob.fill("#comment", "<img src=x onerror=\"window.pwned=1\">");
    await bob.getByRole("button", { name: "Deny" }).click();
    await bob.locator("#head .status", { hasText: "Denied" }).waitFor();
    assert.equal((await whole(bob)).foreign, 0);
  }
  // In the log, in a search and in the box they are text as well.
  const auditor = await stage.window("auditor");
  await auditor.goto(`${stage.url}/audit`);
  assert.equal((await whole(auditor)).foreign, 0);
  const word = encodeURIComponent("\"><script>window.pwned=1</script>");
  for (const field of ["text", "principal", "tool", "target", "from"]) {
    await auditor.goto(`${stage.url}/history?${field}=${word}`);
    const { foreign, pwned } = await whole(auditor);
    assert.ok(foreign === 0 && pwned === undefined, field);
  }
  await auditor.goto(`${stage.url}/what-if`);
  await auditor.fill("#line", "kubectl delete ns '</textarea><script>window.pwned=1</script>'");
  await auditor.getByRole("button", { name: "Decide" }).click();
  await auditor.getByText("Without the machine's files").first().waitFor();
  const { foreign, pwned } = await whole(auditor);
  assert.ok(foreign === 0 && pwned === undefined);
  stage.assertQuiet();
}

export async function displayCorpus(stage) {
  const bob = await stage.window("bob_approver");
  // Cells and lines of a page have such ends.
  const unseen = new Set(stage.unseen.filter((number) => number !== 9 && number !== 10));
  const mask = "\u2039secret 40 bytes, hmac 9f3a\u203a";
  for (const [name, { shown, isOdd }] of Object.entries(stage.corpus)) {
    const { id } = await stage.ask(name);
    for (const path of ["/", `/requests/${id}`]) {
      await bob.goto(stage.url + path);
      const { text, foreign, pwned } = await whole(bob);
      // A list leaves out what is long, and says so.
      const read = path !== "/" ? [mask, ...shown] : [];
      for (const part of read) assert.ok(text.includes(part), `${name}: ${part} is not on ${path}: ${text}`);
      const found = [...text].map((c) => c.codePointAt(0)).filter((number) => unseen.has(number));
      assert.deepEqual(found, [], `${name} on ${path}`);
      assert.ok(foreign === 0 && pwned === undefined, `${name} on ${path}`);
      // No mask is forged.
      const masks = text.split("\u2039").length - 1;
      assert.equal(masks, text.split(mask).length - 1, `${name} on ${path}`);
      assert.equal((await bob.locator(".mask").allInnerTexts()).filter((text) => text !== mask).length, 0);
    }
    // What nobody checked stands behind the facts, and is called so.
    const { text } = await whole(bob);
    const [facts, reason] = text.split(/the requester's own words, not verified/i);
    assert.ok(reason.includes(stage.reason) && !facts.includes(stage.reason), text);
    for (const fact of [mask, "Effect", "Target", "Folder", "Machine"]) assert.ok(facts.includes(fact), fact);
    assert.equal(await bob.getByText("Look twice.").count(), isOdd ? 1 : 0, name);
    assert.equal((await bob.locator("mark.odd").count()) > 0, isOdd, name);
    await stage.deny(id);
  }
  // A long command is there to its end, or can't be approved here.
  const whole20k = await stage.ask("at-length");
  await bob.goto(`${stage.url}/requests/${whole20k.id}`);
  const command = await bob.locator(".whole").innerText();
  assert.ok(command.includes("n".repeat(20_000)) && command.endsWith("; rm -rf /'"), command.slice(-40));
  assert.equal(await bob.locator("button.approve").count(), 1);
  await stage.deny(whole20k.id);
  // What is not shown whole has no button to approve it.
  const { id } = await stage.ask("long");
  await bob.goto(`${stage.url}/requests/${id}`);
  await bob.getByText("Not shown whole.").waitFor();
  assert.equal(await bob.locator("button.approve").count(), 0);
  assert.equal(await bob.locator("button.deny").count(), 1);
  await stage.deny(id);
  // A name of two alphabets is marked.
  const odd = await stage.ask("lookalike");
  await bob.goto(`${stage.url}/requests/${odd.id}`);
  await bob.getByText("Look twice.").waitFor();
  assert.ok((await bob.locator("mark.odd").count()) > 0);
  stage.assertQuiet();
}

export async function frames(stage) {
  const { id } = await stage.ask("scale");
  const bob = await stage.window("bob_approver");
  const page = `<iframe id="f" src="${stage.url}/requests/${id}" width="800" height="600"></iframe>`;
  const other = await elsewhere(page);
  try {
    await bob.goto(other.url);
    await bob.waitForTimeout(500);
    const inside = bob.frames().find((frame) => frame !== bob.mainFrame());
    const shown = inside ? await inside.evaluate(() => document.body?.innerText ?? "").catch(() => "") : "";
    assert.ok(!shown.includes("asks to run"), shown);
    assert.ok(stage.complaints.some((line) => /frame-ancestors|X-Frame-Options|refused/i.test(line)), JSON.stringify(stage.complaints));
  } finally {
    other.close();
  }
}

export async function foreignForms(stage) {
  const { id, digest } = await stage.ask("scale");
  const bob = await stage.window("bob_approver");
  await bob.goto(`${stage.url}/requests/${id}`);
  // Even with everything a form of ours carries.
  const csrf = await bob.inputValue("#form input[name=csrf]");
  const form = `<form method="post" action="${stage.url}/requests/${id}/review">
    <input name="csrf" value="${csrf}"><input name="digest" value="${digest}"><input name="answer" value="approve">
    </form><script>document.forms[0].submit()</script>`;
  const other = await elsewhere(form);
  try {
    await bob.goto(other.url);
    await bob.getByRole("heading", { name: /came from another page|not signed in/ }).waitFor();
    assert.equal(await stage.status(id), "pending");
  } finally {
    other.close();
  }
  const cookies = await bob.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const post = (origin, fields) =>
    fetch(`${stage.url}/requests/${id}/review`, {
      method: "POST",
      redirect: "manual",
      headers: { cookie, "content-type": "application/x-www-form-urlencoded", ...(origin && { origin }) },
      body: new URLSearchParams(fields),
    });
  const good = { csrf, digest, answer: "approve" };
  for (const [origin, fields] of [
    ["https://evil.example", good],
    ["null", good],
    [undefined, good],
    [`${stage.url}.evil.example`, good],
    [stage.url, { ...good, csrf: "0".repeat(64) }],
  ]) {
    assert.equal((await post(origin, fields)).status, 403, origin);
    assert.equal(await stage.status(id), "pending");
  }
  const [session] = cookies;
  assert.ok(session.httpOnly && session.sameSite === "Strict", JSON.stringify(session));
  assert.equal((await post(stage.url, good)).status, 303);
  assert.equal(await stage.status(id), "approved");
}

export async function onlyLooking(stage) {
  const { id } = await stage.ask("destroy");
  const paths = [
    "/", "/history", `/requests/${id}`, `/requests/${id}/review`, "/audit", "/audit/records", "/rules", "/rules/1",
    "/what-if", "/principals", "/principals/bob/disable", "/agents", "/groups", "/tokens", "/tokens/x/revoke",
    "/login", "/logout", "/assets/icon.svg", "/events", "/v1/openapi.json",
    `/requests/${id}/review?answer=approve`, `/requests/${id}?answer=approve`, "/principals/bob/enable",
  ];
  const sessions = [];
  for (const who of ["bob_approver", "admin", "auditor"]) {
    const page = await stage.window(who);
    const cookies = await page.context().cookies();
    sessions.push(cookies.map(({ name, value }) => `${name}=${value}`).join("; "));
    await page.close();
  }
  const before = (await stage.log()).length;
  const agents = ["Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Mozilla/5.0 (compatible; Discordbot/2.0)"];
  for (const cookie of [...sessions, ""]) {
    for (const path of paths) {
      for (const [method, headers] of [
        ["GET", {}],
        ["HEAD", {}],
        ["GET", { "sec-purpose": "prefetch;prerender", purpose: "prefetch" }],
        ["GET", { "user-agent": agents[0] }],
        ["GET", { "user-agent": agents[1] }],
      ]) {
        const stop = new AbortController();
        const answer = await fetch(stage.url + path, {
          method,
          headers: { cookie, ...headers },
          redirect: "manual",
          signal: stop.signal,
        });
        assert.ok(answer.status < 500, `${method} ${path}: ${answer.status}`);
        // A stream has no end of its own.
        stop.abort();
      }
    }
  }
  assert.equal((await stage.log()).length, before);
  assert.equal(await stage.status(id), "pending");
  const { disabled } = (await stage.api("admin", "/v1/principals")).principals.find(({ name }) => name === "bob");
  assert.equal(disabled, false);
}

/** What OWASP's Secure Headers Project recommends, as this server says it over its own socket.
 * Every address is looked at in the server's own tests; here a real client reads real bytes. */
export async function headers(stage) {
  const bob = await stage.window("bob_approver");
  const { id } = await stage.ask("scale");
  const cookies = await bob.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const bearer = `Bearer ${stage.tokens.bob_approver}`;
  const page = { cookie, accept: "text/html" };
  const common = {
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "x-frame-options": "DENY",
    "x-permitted-cross-domain-policies": "none",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
  };
  const pages = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types gate";
  const others = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  for (const [kind, status, path, headers, policy, kept, options] of [
    ["a page", 200, "/", page, pages, "no-store"],
    ["a request", 200, `/requests/${id}`, page, pages, "no-store"],
    ["no page", 404, "/requests/nothing", page, pages, "no-store"],
    ["nowhere", 404, "/no/such/page", page, pages, "no-store"],
    ["a redirect", 303, "/", { accept: "text/html" }, pages, "no-store"],
    ["another method", 405, "/requests/x/review", page, pages, "no-store"],
    ["a foreign form", 403, `/requests/${id}/review`, { ...page, origin: "https://evil.example", "content-type": "application/x-www-form-urlencoded" }, pages, "no-store", { method: "POST", body: "answer=approve" }],
    ["a stream", 200, "/events", page, pages, "no-store"],
    ["a file", 200, "/assets/icon.svg", {}, pages, "public, max-age=86400"],
    ["an answer", 200, "/v1/whoami", { authorization: bearer }, others, "no-store"],
    ["an answer with a tag", 200, `/v1/requests/${id}`, { authorization: bearer }, others, "private, no-cache"],
    ["a refusal", 401, "/v1/whoami", {}, others, "no-store"],
    ["no such thing", 404, "/v1/no/such/thing", { authorization: bearer }, others, "no-store"],
    ["a bad body", 400, "/v1/requests", { authorization: `Bearer ${stage.tokens.agent}`, "content-type": "application/json" }, others, "no-store", { method: "POST", body: "{" }],
    ["the description", 200, "/v1/openapi.json", {}, others, "no-store"],
    ["health", 200, "/healthz", {}, others, "no-store"],
    ["a chat's callback", 401, "/slack/interactivity", {}, others, "no-store", { method: "POST", body: "x" }],
  ]) {
    const stop = new AbortController();
    const answer = await fetch(stage.url + path, { headers, redirect: "manual", signal: stop.signal, ...options });
    assert.equal(answer.status, status, `${kind}: ${path}`);
    const expected = { ...common, "content-security-policy": policy, "cache-control": kept, "referrer-policy": policy === pages ? "same-origin" : "no-referrer" };
    for (const [name, value] of Object.entries(expected)) assert.equal(answer.headers.get(name), value, `${kind}: ${name}`);
    const permissions = answer.headers.get("permissions-policy").split(", ");
    assert.ok(permissions.length > 20 && permissions.every((one) => one.endsWith("=()")), permissions.join());
    for (const name of ["server", "x-powered-by", "x-xss-protection", "expect-ct", "public-key-pins", "feature-policy", "access-control-allow-origin"]) {
      assert.equal(answer.headers.get(name), null, `${kind}: ${name}`);
    }
    // A stream has no end of its own.
    stop.abort();
  }
  // A browser knows every word of the policies, and what they forbid is missed by nothing.
  await bob.goto(`${stage.url}/requests/${id}`);
  stage.assertQuiet();
}
