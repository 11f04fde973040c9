/*
 * key_sheet.c - the recovery sheet: plain text to print and lock away
 */
#include "base/secret.h"
#include "storage/keys/key_text.h"

static const char head[] = "ARCHIVOLT RECOVERY SHEET\n"
                           "========================\n\n";

static const char body[] = "What this is\n"
                           "  The recovery key opens all mail of this instance when the instance key is\n"
                           "  lost: after the loss of a machine, on another host, or for a store that\n"
                           "  was detached. It was shown once, when it was made. Nobody keeps a copy, and\n"
                           "  nobody can make it again.\n\n"
                           "How to keep it\n"
                           "  On paper, locked away, apart from the machine and from its backups. Who has\n"
                           "  this sheet and a copy of the instance's files can read all of its mail.\n\n"
                           "How to use it\n"
                           "  Type it when Archivolt asks for the recovery key with the identifier above.\n"
                           "  Capital or small letters, spaces and dashes do not matter; O is read as 0,\n"
                           "  I and L as 1. The last letter of each group checks the other four, so a\n"
                           "  mistake is named by its group.\n";

bool
av_key_recovery_sheet(const av_key *self, const char *instance, const char *date, av_buf *out)
{
    char text[AV_KEY_TEXT], id[AV_KEY_ID_TEXT];

    assert(self->kind == AV_KEY_RECOVERY);
    av_key_format(self, text);
    av_key_id(self, id);
    (void)av_buf_puts(out, head);
    (void)av_buf_printf(out, "Instance:    %.60s\nIdentifier:  %s\nDate:        %.20s\n\n", instance, id, date);
    (void)av_buf_printf(out, "Recovery key:\n\n    %.4s", text);
    for (unsigned g = 0; g < 14; g++) /* seven groups a line */
        (void)av_buf_printf(out, "%s%.5s", g == 7 ? "\n         " : g == 0 ? " " : " - ", text + 5 + g * 6);
    (void)av_buf_puts(out, "\n\n");
    (void)av_buf_puts(out, body);
    av_secret_wipe(text, sizeof text);
    return !out->full;
}
