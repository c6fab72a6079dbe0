// How the pages look: to a screen reader, in both schemes, and in the documents.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { NEW_RULE } from "./editing.mjs";

const SCHEMES = ["light", "dark"];

/** Writes a picture for the documents where that is asked for. */
async function picture(page, name, options = {}) {
  const folder = process.env.GATE_SCREENSHOTS_IN;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled", ...options });
}

/** Everything that there is a page for, with something on it. */
async function furnish(stage) {
  const before = await stage.ask("apply-before");
  await stage.answer(before.id, "approve");
  const { id } = await stage.ask("apply");
  await stage.ask("scale");
  await stage.ask("destroy");
  return id;
}

export async function everyPage(stage) {
  const id = await furnish(stage);
  const pages = {
    bob_approver: ["/", `/requests/${id}`, "/history", "/history?text=nothing-fits", "/rules", "/rules/1", "/rules/2", "/what-if", "/audit"],
    alice_approver: ["/", `/requests/${id}`],
    auditor: ["/", "/audit", "/principals", "/agents", "/tokens", "/groups", `/requests/${id}`],
    admin: ["/principals", "/tokens", "/agents", "/groups", "/rules", "/rules/1", "/rules/edit", "/audit?type=rules.activated"],
  };
  for (const colorScheme of SCHEMES) {
    const nobody = await stage.window(undefined, { colorScheme });
    for (const path of ["/login", "/login?code=x"]) {
      await nobody.goto(stage.url + path);
      await stage.assertAccessible(nobody, `${path} ${colorScheme}`);
    }
    for (const [who, paths] of Object.entries(pages)) {
      const page = await stage.window(who, { colorScheme });
      for (const path of paths) {
        await page.goto(stage.url + path);
        await stage.assertAccessible(page, `${who} ${path} ${colorScheme}`);
        await stage.assertFits(page, `${who} ${path}`);
      }
      // Pages that say why there is nothing else to see.
      await page.goto(`${stage.url}/requests/00000000-0000-7000-8000-000000000000`);
      await stage.assertAccessible(page, `${who} not found ${colorScheme}`);
    }
  }
}

export async function forms(stage) {
  const { id } = await stage.ask("destroy");
  for (const colorScheme of SCHEMES) {
    const bob = await stage.window("bob_approver", { colorScheme });
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByRole("button", { name: "Approve" }).click();
    await bob.getByRole("heading", { name: "Approve this?" }).waitFor();
    await stage.assertAccessible(bob, `confirm ${colorScheme}`);
    await bob.goto(`${stage.url}/what-if`);
    await bob.fill("#line", "kubectl get pods | xargs kubectl delete pod --namespace prod-shop");
    await bob.getByRole("button", { name: "Decide" }).click();
    await bob.getByText("It would wait until people have approved it").waitFor();
    await stage.assertAccessible(bob, `what if ${colorScheme}`);
    await bob.keyboard.press("?");
    await bob.getByRole("dialog").waitFor();
    await stage.assertAccessible(bob, `keys ${colorScheme}`);
  }
}

export async function administration(stage) {
  const admin = await stage.window("admin");
  await admin.goto(`${stage.url}/principals`);
  await admin.fill("#name", "carol");
  await admin.fill("#groups", "approvers sre");
  await admin.getByRole("button", { name: "Create" }).click();
  await admin.getByRole("cell", { name: "carol", exact: true }).waitFor();
  await admin.goto(`${stage.url}/groups`);
  await admin.getByRole("cell", { name: "sre", exact: true }).waitFor();
  await admin.goto(`${stage.url}/tokens`);
  await admin.selectOption("#principal", "carol");
  await admin.selectOption("#role", "approver");
  await admin.getByRole("button", { name: "Create" }).click();
  const token = await admin.locator(".secret").innerText();
  assert.match(token, /^gate_user_[A-Za-z0-9_-]{43}$/);
  // It is good, and it is shown this once.
  stage.tokens.carol = token;
  const carol = await stage.window("carol");
  await admin.goto(`${stage.url}/tokens`);
  assert.ok(!(await admin.content()).includes(token));
  await admin.getByRole("row", { name: /carol approver/ }).getByRole("button", { name: /Revoke/ }).click();
  await admin.getByRole("row", { name: /carol approver/ }).getByText("revoked").waitFor();
  // With the token its session is over, in a window that is open too.
  await carol.goto(`${stage.url}/`);
  await carol.waitForURL(/\/login/);
  // An approver sees none of it, and can't do it by hand either.
  const bob = await stage.window("bob_approver");
  assert.equal(await bob.getByRole("link", { name: "Tokens" }).count(), 0);
  const answer = await bob.goto(`${stage.url}/tokens`);
  assert.equal(answer.status(), 403);
  await bob.goto(`${stage.url}/`);
  const csrf = await bob.inputValue(".who input[name=csrf]");
  const status = await bob.evaluate(async (csrf) => {
    const body = new URLSearchParams({ csrf, principal: "bob", role: "admin", days: "1" });
    return (await fetch("/tokens", { method: "POST", body })).status;
  }, csrf);
  assert.equal(status, 403);
  const auditor = await stage.window("auditor");
  await auditor.goto(`${stage.url}/audit`);
  await auditor.getByText(/The chain and the tree hold through all \d+ records/).waitFor();
  const download = auditor.waitForEvent("download");
  await auditor.getByRole("link", { name: "Download the log" }).click();
  const path = await (await download).path();
  assert.ok(path);
  await auditor.goto(`${stage.url}/rules/2`);
  await auditor.getByRole("heading", { name: "Against version 1" }).waitFor();
  assert.ok((await auditor.locator(".text .added").count()) > 0);
}

export async function changedInput(stage) {
  const id = await furnish(stage);
  const bob = await stage.window("bob_approver");
  await bob.goto(`${stage.url}/requests/${id}`);
  const diff = bob.getByRole("group", { name: "What changed" });
  await diff.waitFor();
  assert.match(await diff.innerText(), /replicas: 2[\s\S]*replicas: 5/);
  await bob.getByText("1 added, 1 removed").waitFor();
  await bob.getByText(/last changed/).first().waitFor();
  assert.match(await bob.locator("#h-past + .columns").innerText(), /Approved/i);
  stage.assertQuiet();
}

/** What a plan would do, which makes one request more than an inbox shows unfolded. */
async function pictureOfPreview(stage, viewport) {
  const { id } = await stage.ask("plan");
  for (const colorScheme of SCHEMES) {
    const bob = await stage.window("bob_approver", { colorScheme, viewport });
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByText("Line by line").waitFor();
    await picture(bob, `web-preview-${colorScheme}`);
  }
}

export async function pictures(stage) {
  const id = await furnish(stage);
  const size = { width: 1280, height: 860 };
  let taken = 0;
  for (const colorScheme of SCHEMES) {
    const bob = await stage.window("bob_approver", { colorScheme, viewport: size });
    await bob.locator("a.row").first().waitFor();
    await picture(bob, `web-inbox-${colorScheme}`);
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByRole("heading", { name: /asks to run/ }).waitFor();
    await picture(bob, `web-request-${colorScheme}`);
    const phone = await stage.window("bob_approver", { colorScheme, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true });
    await picture(phone, `web-inbox-phone-${colorScheme}`);
    await phone.goto(`${stage.url}/requests/${id}`);
    await picture(phone, `web-request-phone-${colorScheme}`);
    taken += 2;
    if (colorScheme === "dark") continue;
    await bob.goto(`${stage.url}/what-if`);
    await bob.fill("#line", "kubectl get pods -o name | xargs kubectl delete --namespace prod-shop");
    await bob.getByRole("button", { name: "Decide" }).click();
    await picture(bob, "web-what-if");
    await bob.goto(`${stage.url}/history?effect=destroy`);
    await picture(bob, "web-history");
    const admin = await stage.window("admin", { viewport: size });
    for (const name of ["audit", "principals", "agents", "tokens", "groups", "rules"]) {
      await admin.goto(`${stage.url}/${name}`);
      await picture(admin, `web-${name}`);
    }
    await admin.goto(`${stage.url}/rules/2`);
    await picture(admin, "web-rules-version");
    await admin.goto(`${stage.url}/rules/edit`);
    await admin.fill("#text", `${await admin.inputValue("#text")}\n${NEW_RULE}`);
    await admin.getByRole("button", { name: "Show what would change" }).click();
    await admin.getByRole("heading", { name: "What would change" }).waitFor();
    await picture(admin, "web-rules-edit");
    await bob.goto(`${stage.url}/login`);
  }
  assert.equal(taken, 4);
  await pictureOfPreview(stage, size);
}
