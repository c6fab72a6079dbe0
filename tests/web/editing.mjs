// What people change on pages: groups, rules, and standing grants from a request's page.
import assert from "node:assert/strict";

const SCHEMES = ["light", "dark"];
const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true };

export const NEW_RULE = `[[rule]]
id = "shop/labels"
tool = "kubectl"
command = ["label"]
decision = "require_approval"
message = "<i>labels</i> move traffic"
`;

async function groups(stage, admin) {
  await admin.getByRole("link", { name: "Groups" }).click();
  await admin.getByLabel("Name", { exact: true }).fill("on-call");
  await admin.getByLabel("Its first member").selectOption("bob");
  await admin.getByRole("button", { name: "Make the group" }).click();
  const row = admin.getByRole("row", { name: /^on-call/ });
  await row.getByRole("button", { name: "Take bob out of on-call" }).waitFor();
  await row.getByLabel("Who is put into on-call").selectOption("alice");
  await row.getByRole("button", { name: "Put in to on-call" }).click();
  await row.getByRole("button", { name: "Take alice out of on-call" }).waitFor();
  await stage.assertAccessible(admin, "groups");
  await stage.assertFits(admin, "groups");
  await row.getByRole("button", { name: "Take bob out of on-call" }).click();
  await row.getByRole("button", { name: "Take bob out of on-call" }).waitFor({ state: "detached" });
  await row.getByText("Remove on-call").click();
  await stage.assertAccessible(admin, "a group that is about to go");
  await row.getByRole("button", { name: "Remove the group on-call" }).click();
  await row.waitFor({ state: "detached" });
}

async function rules(stage, admin) {
  await admin.getByRole("link", { name: "Rules", exact: true }).click();
  await admin.getByRole("link", { name: "Change the rules" }).click();
  const text = admin.getByRole("textbox", { name: "The rules, in TOML" });
  const before = await text.inputValue();
  await text.fill("[[rule]]\nid = 7\n");
  await admin.getByRole("button", { name: "Show what would change" }).click();
  await admin.getByRole("alert").getByText("Nothing was changed.").waitFor();
  await stage.assertAccessible(admin, "rules with a mistake");
  await text.fill(`${before}\n${NEW_RULE}`);
  await admin.getByRole("button", { name: "Show what would change" }).click();
  const diff = admin.getByRole("group", { name: "What would change" });
  await diff.waitFor();
  assert.equal(await diff.locator(".added").count(), NEW_RULE.split("\n").length);
  await diff.getByText("<i>labels</i> move traffic").waitFor();
  await stage.assertAccessible(admin, "what rules would change");
  await stage.assertFits(admin, "what rules would change");
  // A text that was changed since is looked at again first.
  await text.fill(`${before}\n${NEW_RULE}# and more\n`);
  await admin.getByRole("button", { name: "Put it in force" }).click();
  await admin.getByText("is not the one whose changes you were shown").waitFor();
  await admin.getByRole("button", { name: "Put it in force" }).click();
  await admin.getByRole("heading", { name: "Version 3" }).waitFor();
  await admin.goto(`${stage.url}/rules/2`);
  await admin.getByRole("link", { name: "Begin with this version" }).click();
  assert.equal(await text.inputValue(), before);
}

export async function editing(stage) {
  for (const colorScheme of SCHEMES.slice(0, 1)) {
    const admin = await stage.window("admin", { colorScheme });
    await groups(stage, admin);
    await rules(stage, admin);
  }
  const phone = await stage.window("admin", { colorScheme: "dark", ...PHONE });
  for (const path of ["/groups", "/rules", "/rules/edit"]) {
    await phone.goto(stage.url + path);
    await stage.assertFits(phone, `phone ${path}`);
    await stage.assertAccessible(phone, `phone ${path}`);
  }
  // An auditor looks, and is offered none of it.
  const auditor = await stage.window("auditor");
  await auditor.goto(`${stage.url}/groups`);
  assert.equal(await auditor.locator("main form").count(), 0);
  await auditor.goto(`${stage.url}/rules`);
  assert.equal(await auditor.getByRole("link", { name: "Change the rules" }).count(), 0);
  // A browser tells of each page that says what is wrong with a form.
  const loud = stage.complaints.filter((said) => !/status of 422/.test(said));
  assert.deepEqual(loud, []);
}

export async function proposal(stage) {
  const { id } = await stage.ask("scale");
  for (const [at, colorScheme] of SCHEMES.entries()) {
    const bob = await stage.window("bob_approver", { colorScheme });
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByText("Let the next ones pass for a while").click();
    await stage.assertAccessible(bob, `the form ${colorScheme}`);
    await stage.assertFits(bob, "the form");
    await bob.getByLabel(/^Uses/).fill("2");
    await bob.getByLabel(/^Minutes/).fill("15");
    await bob.getByLabel("Reason", { exact: true }).fill("nights are quiet");
    await bob.getByRole("button", { name: "Propose the standing grant" }).click();
    await bob.waitForURL(/\/grants#grant-/);
    await bob.getByText("nights are quiet").nth(at).waitFor();
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByText("2 of 2 uses left").waitFor();
    await stage.assertAccessible(bob, `with a grant ${colorScheme}`);
    await bob.getByRole("button", { name: "Revoke the standing grant" }).click();
    await bob.waitForURL(/\/grants#grant-/);
    await bob.goto(`${stage.url}/requests/${id}`);
    assert.equal(await bob.getByText("uses left").count(), 0);
  }
  const phone = await stage.window("bob_approver", PHONE);
  await phone.goto(`${stage.url}/requests/${id}`);
  await phone.getByText("Let the next ones pass for a while").click();
  await stage.assertFits(phone, "the form on a phone");
  assert.equal(await stage.status(id), "pending");
  stage.assertQuiet();
}

export async function preview(stage) {
  const { id } = await stage.ask("plan");
  for (const colorScheme of SCHEMES) {
    const bob = await stage.window("bob_approver", { colorScheme });
    await bob.goto(`${stage.url}/requests/${id}`);
    await bob.getByText("3 to add, 2 to change, 2 to destroy").waitFor();
    const lines = bob.getByRole("group", { name: "What it would do" });
    assert.match(await lines.innerText(), /DESTROY aws_db_instance\.shop_replica\[1\][\s\S]*REPLACE/);
    assert.equal(await lines.locator("tr.removed").count(), 2);
    await bob.getByText("Read from the plan file release.plan, without running anything").waitFor();
    await stage.assertAccessible(bob, `preview ${colorScheme}`);
  }
  const phone = await stage.window("bob_approver", PHONE);
  await phone.goto(`${stage.url}/requests/${id}`);
  await stage.assertFits(phone, "preview on a phone");
  stage.assertQuiet();
}
