// What is past the everyday: break-glass, standing grants, and the pages on the
// way in. To look at, to use, and to a screen reader in both schemes.
import assert from "node:assert/strict";

const SCHEMES = ["light", "dark"];
const JSON_BODY = { "content-type": "application/json" };

/** Proposes a standing grant for the agent, as bob. */
async function propose(stage, namespace, uses) {
  const body = {
    rule: "shop/changes",
    target: { namespace },
    principal: "demo-agent",
    uses,
    ttl_seconds: 600,
    reason: "<b>rolling</b> out 14",
  };
  const options = { method: "POST", headers: JSON_BODY, body: JSON.stringify(body) };
  const grant = await stage.api("bob_approver", "/v1/standing-grants", options);
  assert.equal(grant.status, "active", JSON.stringify(grant));
  return grant;
}

export async function exceptions(stage) {
  const grant = await propose(stage, "shop", 3);
  await propose(stage, "cellar", 1);
  const loud = await stage.ask("break-glass");
  for (const colorScheme of SCHEMES) {
    const bob = await stage.window("bob_approver", { colorScheme });
    await bob.getByText("break-glass", { exact: true }).waitFor();
    await stage.assertAccessible(bob, `inbox ${colorScheme}`);
    await bob.goto(`${stage.url}/requests/${loud.id}`);
    await bob.getByRole("note").getByText("BREAK-GLASS").waitFor();
    await stage.assertAccessible(bob, `break-glass ${colorScheme}`);
    await stage.assertFits(bob, "break-glass");
    for (const who of ["bob_approver", "admin", "auditor"]) {
      const page = await stage.window(who, { colorScheme });
      for (const name of ["Break-glass", "Standing grants"]) {
        await page.getByRole("link", { name, exact: true }).click();
        await page.getByRole("heading", { level: 1, name }).waitFor();
        await stage.assertAccessible(page, `${who} ${name} ${colorScheme}`);
        await stage.assertFits(page, `${who} ${name}`);
      }
    }
  }
  const phone = await stage.window("bob_approver", { viewport: { width: 360, height: 740 }, isMobile: true });
  for (const path of ["/grants", "/break-glass", `/requests/${loud.id}`]) {
    await phone.goto(stage.url + path);
    await stage.assertFits(phone, `phone ${path}`);
  }
  const bob = await stage.window("bob_approver");
  await bob.goto(`${stage.url}/grants`);
  const card = bob.locator(`#grant-${grant.id}`);
  await card.getByText("<b>rolling</b> out 14").waitFor();
  await card.getByRole("button", { name: /Revoke/ }).click();
  await card.getByText("Revoked").waitFor();
  await stage.assertAccessible(bob, "a revoked grant");
  stage.assertQuiet();
}

/** The pages on the way in, and those that let something else in. */
export async function doors(stage) {
  for (const colorScheme of SCHEMES) {
    const invited = await stage.api("admin", "/v1/invitations", {
      method: "POST",
      headers: JSON_BODY,
      body: JSON.stringify({ principal: "bob", roles: ["approver"] }),
    });
    const nobody = await stage.window(undefined, { colorScheme });
    const look = async (page, what) => {
      await stage.assertAccessible(page, `${what} ${colorScheme}`);
      await stage.assertFits(page, what);
    };
    await nobody.goto(invited.url);
    await nobody.getByRole("heading", { name: "Set your password" }).waitFor();
    await look(nobody, "invitation");
    await nobody.getByLabel("Password", { exact: true }).fill(`four words of ${colorScheme}`);
    await nobody.getByLabel("The same again").fill("other words altogether");
    await nobody.getByRole("button", { name: "Set the password" }).click();
    await nobody.getByRole("alert").waitFor();
    await look(nobody, "invitation with a complaint");
    await nobody.getByLabel("Password", { exact: true }).fill(`four words of ${colorScheme}`);
    await nobody.getByLabel("The same again").fill(`four words of ${colorScheme}`);
    await nobody.getByRole("button", { name: "Set the password" }).click();
    await nobody.waitForURL(`${stage.url}/login`);
    await look(nobody, "sign-in with a password");
    await nobody.getByLabel("Your name").fill("bob");
    await nobody.getByLabel("Your password").fill(`four words of ${colorScheme}`);
    await nobody.getByRole("button", { name: "Sign in", exact: true }).click();
    await nobody.waitForURL(`${stage.url}/`);
    await nobody.goto(`${stage.url}/device`);
    await look(nobody, "device");
    const asked = await fetch(`${stage.url}/v1/device`, {
      method: "POST",
      headers: JSON_BODY,
      body: JSON.stringify({ host: "laptop" }),
    });
    const { user_code: code } = await asked.json();
    await nobody.getByLabel("The code that").fill(code);
    await nobody.keyboard.press("Enter");
    await nobody.getByRole("button", { name: "Let it in", exact: true }).waitFor();
    await look(nobody, "device that waits");
    await nobody.getByRole("button", { name: "Do not let it in" }).click();
    await nobody.getByRole("status").getByText("not let in").waitFor();
    await look(nobody, "device that is answered");
    for (const chat of ["slack", "teams"]) {
      await nobody.goto(`${stage.url}/link/${chat}`);
      await look(nobody, `link ${chat}`);
      await nobody.getByRole("button", { name: "Get a code" }).click();
      await nobody.locator(".secret").waitFor();
      await look(nobody, `link ${chat} with its code`);
    }
    await nobody.goto(invited.url);
    await nobody.getByRole("heading", { name: "This invitation is over" }).waitFor();
    await look(nobody, "invitation that is over");
  }
}
