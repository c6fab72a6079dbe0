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
  for (const [name, { shown, hidden }] of Object.entries(stage.corpus)) {
    const { id } = await stage.ask(name);
    await bob.goto(`${stage.url}/requests/${id}`);
    const command = await bob.locator(".whole").innerText();
    const { text } = await whole(bob);
    for (const part of shown) assert.ok(text.includes(part), `${name}: ${part} is not in ${command}`);
    for (const part of hidden) assert.ok(!text.includes(part), `${name}: ${JSON.stringify(part)} is in ${command}`);
    const invisible = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]|\udb40/;
    assert.ok(!invisible.test(text), name);
    await stage.deny(id);
  }
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

export async function headers(stage) {
  const bob = await stage.window("bob_approver");
  const cookies = await bob.context().cookies();
  const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const path of ["/", "/login", "/history", "/rules", "/what-if", "/audit", "/requests/nothing"]) {
    const answer = await fetch(stage.url + path, { headers: { cookie }, redirect: "manual" });
    const policy = answer.headers.get("content-security-policy");
    for (const part of [
      "default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'",
      "base-uri 'none'", "require-trusted-types-for 'script'",
    ]) {
      assert.ok(policy.includes(part), `${path}: ${part} is not in ${policy}`);
    }
    assert.ok(!/unsafe|\*|data:|https?:/.test(policy), policy);
    for (const [name, value] of [
      ["x-content-type-options", "nosniff"],
      ["x-frame-options", "DENY"],
      ["referrer-policy", "same-origin"],
      ["cache-control", "no-store"],
      ["cross-origin-opener-policy", "same-origin"],
      ["cross-origin-resource-policy", "same-origin"],
    ]) {
      assert.equal(answer.headers.get(name), value, `${path}: ${name}`);
    }
    assert.match(answer.headers.get("permissions-policy"), /camera=\(\)/);
    for (const name of ["server", "x-powered-by", "access-control-allow-origin"]) {
      assert.equal(answer.headers.get(name), null, `${path}: ${name}`);
    }
  }
}
