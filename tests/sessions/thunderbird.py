"""thunderbird.py - Thunderbird without a screen: an account is made, every folder is taken for offline use, it ends.

What it is to do is told by its own way of central configuration, a script that it runs when it starts. That lies
beside the program, so a copy of the program's folder (links, mostly) is made. The folders are Maildirs; two lines of
its own stand before each message.
"""
import hashlib
import os
import re
import shutil
import ssl

HOME = "/usr/lib/thunderbird"
OWN = re.compile(rb"X-Mozilla-Status: [0-9a-f]+\nX-Mozilla-Status2: [0-9a-f]+\n")

PREFERENCES = {
    "general.config.filename": '"thunderbird.cfg"',
    "general.config.obscure_value": "0",
    "general.config.sandbox_enabled": "false",
    "mail.serverDefaultStoreContractID": '"@mozilla.org/msgstore/maildirstore;1"',
    "mail.provider.suppress_dialog_on_startup": "true",
    "mailnews.start_page.enabled": "false",
    "mailnews.database.global.indexer.enabled": "false",
    "app.update.enabled": "false",
    "datareporting.policy.dataSubmissionEnabled": "false",
    "toolkit.telemetry.enabled": "false",
    "browser.dom.window.dump.enabled": "true",
}

SCRIPT = """// the first line is passed over
const say = text => dump("said: " + text + "\\n");
function started() {
    try {
        begin();
    } catch (e) {
        say("failed " + e);
        quit();
    }
}
Services.obs.addObserver({ observe: started }, "mail-startup-done");
function quit() {
    Services.startup.quit(Ci.nsIAppStartup.eForceQuit);
}
function below(folder, all) {
    for (const child of folder.subFolders) {
        all.push(child);
        below(child, all);
    }
    return all;
}
function begin() {
    const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
    const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
    const server = MailServices.accounts.createIncomingServer("@USER@", "@HOST@", "imap");
    server.port = @PORT@;
    server.socketType = 3; // TLS from the start
    server.authMethod = 3; // a password as it is
    server.password = "@PASSWORD@";
    const account = MailServices.accounts.createAccount();
    account.incomingServer = server;
    server.QueryInterface(Ci.nsIImapIncomingServer).performExpand(null);
    const asked = new Set(), queue = [];
    let busy = false, quiet = 0;
    function next() {
        const folder = queue.shift();
        busy = folder !== undefined;
        if (!busy)
            return;
        folder.setFlag(Ci.nsMsgFolderFlags.Offline);
        folder.downloadAllForOffline({
            OnStartRunningUrl() {},
            OnStopRunningUrl(url, code) { say(folder.URI + " " + code.toString(16)); next(); },
        }, null);
    }
    function turn() {
        for (const folder of below(server.rootFolder, [])) {
            if (asked.has(folder.URI) || folder.getFlag(Ci.nsMsgFolderFlags.ImapNoselect))
                continue;
            asked.add(folder.URI);
            queue.push(folder.QueryInterface(Ci.nsIMsgImapMailFolder));
            quiet = 0;
        }
        if (!busy)
            next();
        if (!busy && asked.size > 1 && ++quiet > 3)
            quit();
        else
            setTimeout(turn, 1000);
    }
    setTimeout(turn, 1000);
}
"""


def make(account, folder):
    """The program's folder and a profile."""
    app, profile = os.path.join(folder, "app"), os.path.join(folder, "profile")
    os.makedirs(profile)
    os.mkdir(app)
    for name in os.listdir(HOME):
        if name in ("thunderbird", "thunderbird-bin"):  # they look for the rest beside themselves
            shutil.copy(os.path.join(HOME, name), app)
        elif name == "defaults":
            shutil.copytree(os.path.join(HOME, name), os.path.join(app, name))
        else:
            os.symlink(os.path.join(HOME, name), os.path.join(app, name))
    os.makedirs(os.path.join(app, "defaults", "pref"), exist_ok=True)
    with open(os.path.join(app, "defaults", "pref", "test.js"), "w") as f:
        f.writelines(f'pref("{name}", {value});\n' for name, value in PREFERENCES.items())
    script = SCRIPT
    for mark, value in (("USER", account.user), ("HOST", account.host), ("PORT", str(account.port)),
                        ("PASSWORD", account.password)):
        script = script.replace(f"@{mark}@", value)
    with open(os.path.join(app, "thunderbird.cfg"), "w") as f:
        f.write(script)
    with open(account.certificate) as f:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(f.read())).hexdigest().upper()
    print_ = ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))
    with open(os.path.join(profile, "cert_override.txt"), "w") as f:
        f.write(f"{account.host}:{account.port}:\tOID.2.16.840.1.101.3.4.2.1\t{print_}\t\n")
    return app, profile


def read(account, folder, run):
    app, profile = make(account, folder)
    _, out = run([os.path.join(app, "thunderbird"), "--headless", "--no-remote", "--profile", profile], folder)
    said = [line for line in out.splitlines() if line.startswith(b"said: ")]
    assert said and not [line for line in said if b" failed" in line], out[-2000:]
    for root, _, names in os.walk(os.path.join(profile, "ImapMail")):
        for name in names:
            if os.path.basename(root) in ("cur", "new"):
                with open(os.path.join(root, name), "rb") as f:
                    yield OWN.sub(b"", f.read(), count=1)
