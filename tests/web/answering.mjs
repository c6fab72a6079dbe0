// Looking at what waits, and answering it.
import assert from "node:assert/strict";

const rows = (page) => page.locator("a.row");

export async function inbox(stage) {
  const own = await stage.ask("scale");
  const bob = await stage.window("bob_approver");
  await bob.getByRole("heading", { name: "Inbox" }).waitFor();
  assert.equal(await rows(bob).count(), 1);
  assert.match(await rows(bob).first().innerText(), /kubectl scale.*write.*demo-agent/s);
  // Whoever owns the agent sees it, among what others answer.
  const alice = await stage.window("alice_approver");
  await alice.getByText("Nothing waits for you.").waitFor();
  await alice.getByRole("heading", { name: /Waiting for somebody else/ }).waitFor();
  await alice.goto(`${stage.url}/requests/${own.id}`);
  await alice.getByText("You own demo-agent").waitFor();
  assert.equal(await alice.locator("button.approve").count(), 0);
  // Four of one requester are one line, and nothing approves them together.
  for (const name of ["flood0", "flood1", "flood2"]) await stage.ask(name);
  await bob.reload();
  const fold = bob.locator("details.fold");
  await fold.waitFor();
  assert.match(await fold.locator("summary").innerText(), /demo-agent asks for 4 things at once.*write/s);
  assert.equal(await rows(bob).filter({ visible: true }).count(), 0);
  await fold.locator("summary").click();
  assert.equal(await rows(bob).filter({ visible: true }).count(), 4);
  assert.equal(await bob.getByRole("button", { name: /approve/i }).count(), 0);
  stage.assertQuiet();
}

export async function approve(stage) {
  const { id } = await stage.ask("scale");
  const bob = await stage.window("bob_approver");
  await rows(bob).first().click();
  await bob.getByRole("heading", { name: /demo-agent asks to run kubectl scale/ }).waitFor();
  // Each word says what it is.
  const words = await bob.locator(".words dl").first().innerText();
  assert.match(words, /--replicas=1\s+the option replicas/);
  assert.match(words, /kubectl\s+the tool/);
  await bob.fill("#comment", "fine, it is\nnight there");
  await bob.getByRole("button", { name: "Approve" }).click();
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(id), "approved");
  const { reviews } = await stage.api("bob_approver", `/v1/requests/${id}`);
  assert.deepEqual(
    reviews.map(({ reviewer, answer, channel, comment }) => ({ reviewer, answer, channel, comment })),
    [{ reviewer: "bob", answer: "approve", channel: "web", comment: "fine, it is night there" }],
  );
  await bob.getByRole("button", { name: "Take the approval back" }).click();
  await bob.locator("#head .status", { hasText: "Denied" }).waitFor();
  assert.equal(await stage.status(id), "denied");
  stage.assertQuiet();
}

export async function dangerous(stage) {
  const { id, digest } = await stage.ask("destroy");
  const bob = await stage.window("bob_approver");
  await bob.goto(`${stage.url}/requests/${id}`);
  assert.equal(await bob.locator(".production").first().innerText(), "production");
  await bob.getByText("production, as its name says").waitFor();
  // A click alone approves nothing, and neither does another word.
  for (const typed of ["", "staging"]) {
    if (typed) await bob.fill("#confirm", typed);
    await bob.getByRole("button", { name: "Approve" }).click();
    await bob.getByRole("heading", { name: "Approve this?" }).waitFor();
    assert.equal(await stage.status(id), "pending");
  }
  await bob.fill("#confirm", digest.slice(0, 6).toUpperCase());
  await bob.getByRole("button", { name: "Approve" }).click();
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(id), "approved");
  // The target's name is as good as the digest.
  const other = await stage.ask("destroy2");
  await bob.goto(`${stage.url}/requests/${other.id}`);
  await bob.fill("#confirm", "prod-billing");
  await bob.getByRole("button", { name: "Approve" }).click();
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(other.id), "approved");
}

export async function deny(stage) {
  const { id } = await stage.ask("destroy");
  const bob = await stage.window("bob_approver");
  await bob.goto(`${stage.url}/requests/${id}`);
  await bob.fill("#comment", "use a tag instead");
  // A denial needs no typing, however much there is to lose.
  await bob.getByRole("button", { name: "Deny" }).click();
  await bob.locator("#head .status", { hasText: "Denied" }).waitFor();
  assert.equal(await stage.status(id), "denied");
  await bob.locator("#story", { hasText: "use a tag instead" }).waitFor();
  assert.equal(await bob.locator("#answer button").count(), 0);
  await bob.goto(`${stage.url}/history?status=denied&text=delete+prod-shop`);
  assert.equal(await rows(bob).count(), 1);
  await bob.goto(`${stage.url}/history?status=approved`);
  await bob.getByText("Nothing fits.").waitFor();
  stage.assertQuiet();
}

export async function live(stage) {
  const one = await stage.window("bob_approver");
  const other = await stage.window("bob_approver");
  for (const page of [one, other]) {
    await page.getByText("Nothing waits for you.").waitFor();
    await page.locator("body.live").waitFor();
  }
  const { id } = await stage.ask("scale");
  for (const page of [one, other]) {
    await rows(page).first().waitFor();
    assert.match(await page.title(), /^\(1\) Waiting/);
  }
  await one.locator("#said", { hasText: "A new request waits." }).waitFor({ state: "attached" });
  // What is being typed outlives what others do.
  await one.goto(`${stage.url}/requests/${id}`);
  await one.locator("body.live").waitFor();
  await one.fill("#comment", "half a sente");
  await stage.ask("flood0");
  await rows(other).nth(1).waitFor();
  assert.equal(await one.inputValue("#comment"), "half a sente");
  // An answer in one window ends the question in the other, without a reload.
  await other.goto(`${stage.url}/requests/${id}`);
  await other.locator("body.live").waitFor();
  await other.getByRole("button", { name: "Deny" }).click();
  await one.locator("#head .status", { hasText: "Denied" }).waitFor();
  await one.locator("#answer button").first().waitFor({ state: "detached" });
  // A session that ends elsewhere ends here: the window is led to the sign-in.
  await other.getByRole("button", { name: "Sign out" }).click();
  await other.waitForURL(/\/login/);
  stage.assertQuiet();
}

export async function hidden(stage) {
  const bob = await stage.window("bob_approver");
  await bob.locator("body.live").waitFor();
  // From here on time passes as it is told to.
  await bob.clock.install();
  await bob.clock.pauseAt(Date.now() + 60_000);
  const looks = [];
  bob.on("request", (request) => {
    if (request.resourceType() === "fetch") looks.push(request.headers()["gate-unattended"]);
  });
  const hide = (isHidden) => bob.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isHidden);
  await hide(true);
  await stage.ask("scale");
  await bob.clock.runFor(59_000);
  assert.deepEqual(looks, []);
  assert.match(await bob.title(), /^Nothing waits/);
  // Looks by itself, and says that nobody is there.
  const looked = bob.waitForResponse((answer) => answer.url() === `${stage.url}/`);
  await bob.clock.runFor(1_000);
  await (await looked).finished();
  await rows(bob).first().waitFor();
  assert.match(await bob.title(), /^\(1\) Waiting/);
  assert.deepEqual(looks, ["1"]);
  // Seen again, it listens again, and is in use.
  await hide(false);
  await rows(bob).first().waitFor();
  await bob.clock.runFor(180_000);
  assert.deepEqual(looks, ["1", undefined]);
  stage.assertQuiet();
}

export async function phone(stage) {
  const { id } = await stage.ask("apply");
  const bob = await stage.window("bob_approver", {
    viewport: { width: 375, height: 720 },
    isMobile: true,
    hasTouch: true,
  });
  await stage.assertFits(bob, "inbox");
  await rows(bob).first().tap();
  await bob.getByRole("heading", { name: /asks to run/ }).waitFor();
  await stage.assertFits(bob, "request");
  await bob.getByRole("link", { name: "Go to your answer" }).tap();
  const approve = bob.getByRole("button", { name: "Approve" });
  const box = await approve.boundingBox();
  assert.ok(box.height >= 40 && box.y >= 0 && box.y < 720, JSON.stringify(box));
  await bob.fill("#confirm", "prod-shop");
  await approve.tap();
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(id), "approved");
  for (const path of ["/history", "/rules", "/what-if"]) {
    await bob.goto(stage.url + path);
    await stage.assertFits(bob, path);
  }
  stage.assertQuiet();
}

export async function keyboard(stage) {
  const { id } = await stage.ask("scale");
  await stage.ask("flood0");
  const bob = await stage.window("bob_approver");
  await rows(bob).nth(1).waitFor();
  // The first stop leads past the navigation.
  await bob.keyboard.press("Tab");
  assert.equal(await bob.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await bob.keyboard.press("j");
  await bob.keyboard.press("j");
  await bob.keyboard.press("j");
  assert.equal(await bob.evaluate(() => document.activeElement.getAttribute("href")), `/requests/${id}`);
  await bob.keyboard.press("k");
  await bob.keyboard.press("j");
  await bob.keyboard.press("Enter");
  await bob.waitForURL(`${stage.url}/requests/${id}`);
  // One key only leads to the button.
  await bob.keyboard.press("d");
  assert.equal(await bob.evaluate(() => document.activeElement.value), "deny");
  await bob.keyboard.press("a");
  assert.equal(await bob.evaluate(() => document.activeElement.value), "approve");
  assert.equal(await stage.status(id), "pending");
  await bob.keyboard.press("?");
  await bob.getByRole("dialog", { name: "Keys" }).waitFor();
  await bob.keyboard.press("Escape");
  await bob.keyboard.press("a");
  await bob.keyboard.press("Enter");
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(id), "approved");
  await bob.keyboard.press("/");
  await bob.waitForURL(/\/history/);
  stage.assertQuiet();
}

export async function withoutScript(stage) {
  const { id, digest } = await stage.ask("destroy");
  const bob = await stage.window("bob_approver", { javaScriptEnabled: false });
  await rows(bob).first().click();
  await bob.waitForURL(`${stage.url}/requests/${id}`);
  await bob.fill("#confirm", digest.slice(0, 6));
  await bob.fill("#comment", "agreed");
  await bob.click("button.approve");
  await bob.locator("#head .status", { hasText: "Approved" }).waitFor();
  assert.equal(await stage.status(id), "approved");
  for (const path of ["/", "/history?text=delete", "/rules", "/rules/1", "/what-if"]) {
    const answer = await bob.goto(stage.url + path);
    assert.equal(answer.status(), 200, path);
  }
  await bob.fill("#line", "kubectl delete ns shop");
  await bob.click("button.primary");
  assert.match(await bob.locator("main").innerText(), /It would wait until people have approved it/);
}
