// A real browser in front of a real server: windows that are signed in, requests
// that are asked as a runner asks, and what every scenario looks at.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const modules = createRequire(join(process.env.GATE_NODE_MODULES, "stage.js"));
const { chromium } = modules("playwright-core");
const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");

/** How long anything may take, in milliseconds. */
const PATIENCE = 20_000;

export class Stage {
  constructor(given) {
    Object.assign(this, given);
    this.windows = [];
    /** What browsers complained of: scripts that were blocked, errors on pages. */
    this.complaints = [];
  }

  async open() {
    this.browser = await chromium.launch({
      executablePath: process.env.GATE_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
      timeout: 60_000,
    });
  }

  async close() {
    await this.browser?.close();
  }

  /** Opens a window of its own session, signed in as one of the people. */
  async window(who, options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 860 },
      locale: "en-GB",
      timezoneId: "Europe/Vienna",
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on("dialog", (dialog) => {
      this.complaints.push(`${page.url()}: a dialog said ${dialog.message()}`);
      dialog.dismiss();
    });
    if (who === "admin") {
      await this.administer(page);
    } else if (who) {
      await page.goto(`${this.url}/login`);
      await page.fill("#token", this.tokens[who]);
      await page.getByRole("button", { name: "Sign in with the token" }).click();
      await page.waitForURL(`${this.url}/`);
    }
    return page;
  }

  /** Signs the admin in: by a password, as no token that administers opens a page. */
  async administer(page) {
    const password = "four words of the admin";
    if (!this.isInvited) {
      this.isInvited = true;
      const invited = await this.api("admin", "/v1/invitations", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ principal: "admin", roles: ["admin"] }),
      });
      await page.goto(invited.url);
      await page.fill("#password", password);
      await page.fill("#again", password);
      await page.click("button[type=submit]");
      await page.waitForURL(`${this.url}/login`);
    }
    await page.goto(`${this.url}/login`);
    await page.fill("#username", "admin");
    await page.fill("#password", password);
    await page.getByRole("button", { name: "Sign in to administer" }).click();
    await page.waitForURL(`${this.url}/`);
  }

  /** Asks for one of the prepared submissions, as the agent. */
  async ask(name, who = "agent") {
    const body = this.submissions[name];
    assert.ok(body, `no submission ${name}`);
    const answer = await fetch(`${this.url}/v1/requests`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${this.tokens[who]}`,
        "content-type": "application/json",
        "idempotency-key": `${name}-${who}-${body.digest.slice(0, 16)}`,
      },
      body: JSON.stringify(body),
    });
    const request = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(request));
    return request;
  }

  async api(who, path, options = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      ...options,
      headers: { authorization: `Bearer ${this.tokens[who]}`, ...options.headers },
    });
    return answer.json();
  }

  /** Answers for bob without a browser. */
  async answer(id, answer) {
    const { digest } = await this.api("bob_approver", `/v1/requests/${id}`);
    return this.api("bob_approver", `/v1/requests/${id}/reviews`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ answer, digest }),
    });
  }

  async deny(id) {
    const { status } = await this.answer(id, "deny");
    assert.equal(status, "denied");
  }

  async status(id) {
    return (await this.api("bob_approver", `/v1/requests/${id}`)).status;
  }

  /** Returns how many records the log has, and those that tell of no session. */
  async log() {
    const page = await this.api("auditor", "/v1/audit/records?limit=1000");
    return page.records.map((record) => JSON.parse(record)).filter((record) => !record.type.startsWith("session."));
  }

  /** Fails where axe finds anything at all on the page. */
  async assertAccessible(page, what) {
    // The page's own policy lets no script in but its own, so this one goes past it.
    const session = await page.context().newCDPSession(page);
    const run = async (expression) => {
      const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      assert.equal(exceptionDetails, undefined, JSON.stringify(exceptionDetails));
      return result.value;
    };
    await run(`${AXE}; undefined`);
    const found = await run(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
      violations.map(({ id, nodes }) => ({ id, nodes: nodes.map((n) => n.html.slice(0, 160) + " " + n.failureSummary) })))`);
    await session.detach();
    assert.deepEqual(found, [], `${what}: ${JSON.stringify(found, null, 1)}`);
  }

  async assertFits(page, what) {
    const { wide, room } = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      room: document.documentElement.clientWidth,
    }));
    assert.ok(wide <= room, `${what}: ${wide} pixels wide in ${room}`);
  }

  assertQuiet() {
    assert.deepEqual(this.complaints, []);
  }
}
