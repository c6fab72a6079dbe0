// A person at a real browser: signs in at the provider, and lets a terminal in.
//
//     node browser.mjs NODE_MODULES ADDRESS NAME [CODE]
//
// Prints what the pages say, as one line of JSON.
import { createRequire } from 'node:module';

const [modules, address, name, code] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const said = {};
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(45_000);
  const refused = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) refused.push(message.text());
  });
  await page.goto(`${address}/device`);
  said.first = new URL(page.url()).pathname;
  await page.getByRole('button', { name: 'Sign in with Test', exact: true }).click();
  await page.fill('input[name=login]', name);
  await page.fill('input[name=password]', 'not looked at');
  await page.click('button[type=submit]');
  await page.waitForSelector('input[name=prompt][value=consent]', { state: 'attached' });
  await page.click('button[type=submit]');
  // Back by a page of ours: only a step from there brings the session's cookie along.
  await page.waitForURL(`${address}/device`);
  said.who = await page.locator('.who b').innerText();
  said.role = await page.locator('.who .tag').innerText();
  if (code) {
    await page.getByLabel('The code that').fill(code.toLowerCase());
    await page.keyboard.press('Enter');
    await page.waitForSelector('dl.list');
    said.facts = await page.locator('dl.list').innerText();
    await page.getByRole('button', { name: 'Let it in', exact: true }).click();
    said.done = await page.locator('main [role=status]').innerText();
  }
  const cookies = await page.context().cookies(address);
  // The provider is on the same host, and a cookie knows no port.
  said.cookies = cookies
    .filter(({ name: cookie }) => cookie.startsWith('gate_'))
    .map(({ name: cookie, httpOnly, sameSite }) => ({ cookie, httpOnly, sameSite }));
  said.refused = refused;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL((url) => url.pathname.includes('/session/end'));
  said.provider = await page.locator('body').innerText();
  await page.goto(`${address}/`);
  said.last = new URL(page.url()).pathname;
} finally {
  await browser.close();
}
console.log(JSON.stringify(said));
