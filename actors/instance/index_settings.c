/*
 * index_settings.c - see index_settings.h
 */
#include "actors/instance/index_settings.h"

#include "actors/instance/store_row.h"

#define CONFIG_KEY     "index.configuration"
#define DEFAULT_FIELDS "list-id reply-to sender"
#define ATTACHMENTS    "attachments:"
#define PDF_FILES      "pdf-files:"
#define HEADER         "header:"
#define FIELD_NAME_MAX 77U /* RFC 5322, 2.1.1: a line that is not longer than it should be */

/* ---- normal form ---- */

static av_errc
normal_extensions(const char *given, char **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_extensions list;
    av_errc rc = av_extensions_parse(av_span_str(given), &list, err);

    if (rc != AV_OK)
        return av_error_prefix(err, "attachmentExtensions");
    av_buf_init(&text, AV_INDEX_SETTINGS_MAX);
    if (!av_extensions_text(&list, &text))
        return av_error_set(err, AV_ERR_LIMIT, "attachmentExtensions: the list is too long");
    *ret = av_span_dup(av_buf_span(&text));
    return AV_OK;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One word off the front; empty: there is none left. */
static av_span
take_word(av_span *rest)
{
    av_span word;
    size_t n = 0;

    while (rest->n > 0 && is_blank(rest->p[0]))
        *rest = av_span_skip(*rest, 1);
    while (n < rest->n && !is_blank(rest->p[n]))
        n++;
    word = av_span_slice(*rest, 0, n);
    *rest = av_span_skip(*rest, n);
    return word;
}

typedef struct field_name {
    char text[FIELD_NAME_MAX + 1];
} field_name;

/* RFC 5322, 3.6.8: printable ASCII but the colon; one at its end is forgiven. */
static av_errc
take_field(av_span word, field_name *ret, av_error *err)
{
    size_t n = word.n > 1 && word.p[word.n - 1] == ':' ? word.n - 1 : word.n;

    for (size_t i = 0; i < n; i++)
        if (word.p[i] <= ' ' || word.p[i] > '~' || word.p[i] == ':')
            n = 0;
    if (n == 0 || n > FIELD_NAME_MAX)
        return av_error_set(err, AV_ERR_INVALID, "headerFields: \"%.*s\" is no name of a header field",
            (int)AV_MIN(word.n, (size_t)80), (const char *)word.p);
    for (size_t i = 0; i < n; i++)
        ret->text[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] + ('a' - 'A') : word.p[i]);
    ret->text[n] = '\0';
    return AV_OK;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const field_name *)a)->text, ((const field_name *)b)->text);
}

static av_errc
normal_fields(const char *given, char **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    field_name list[AV_INDEX_FIELDS_MAX];
    av_span rest = av_span_str(given), word;
    size_t n = 0;

    while ((word = take_word(&rest)).n > 0) {
        if (n == AV_INDEX_FIELDS_MAX)
            return av_error_set(err, AV_ERR_LIMIT, "headerFields: at most %u fields", AV_INDEX_FIELDS_MAX);
        if (take_field(word, &list[n++], err) != AV_OK)
            return err->code;
    }
    qsort(list, n, sizeof *list, by_name);
    av_buf_init(&text, AV_INDEX_SETTINGS_MAX);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || strcmp(list[i].text, list[i - 1].text) != 0)
            (void)(av_buf_puts(&text, text.n == 0 ? "" : " ") && av_buf_puts(&text, list[i].text));
    *ret = av_span_dup(av_buf_span(&text));
    return AV_OK;
}

static Archivolt__IndexConfiguration *
new_config(void)
{
    Archivolt__IndexConfiguration *config = av_reply_new(&archivolt__index_configuration__descriptor);

    config->include_attachments_of_pdfs = true;
    return config;
}

av_errc
av_index_settings_normal(const Archivolt__IndexConfiguration *given, Archivolt__IndexConfiguration **ret, av_error *err)
{
    Archivolt__IndexConfiguration *config = new_config();
    av_errc rc = AV_OK;

    config->include_attachments_of_pdfs = given->include_attachments_of_pdfs;
    if (given->attachment_extensions != NULL)
        rc = normal_extensions(given->attachment_extensions, &config->attachment_extensions, err);
    if (rc == AV_OK && given->header_fields != NULL)
        rc = normal_fields(given->header_fields, &config->header_fields, err);
    if (rc == AV_OK)
        *ret = config;
    else
        archivolt__index_configuration__free_unpacked(config, NULL);
    return rc;
}

/* ---- the text ---- */

av_errc
av_index_settings_text(const Archivolt__IndexConfiguration *config, av_buf *out, av_error *err)
{
    const char *extensions =
        config->attachment_extensions != NULL ? config->attachment_extensions : av_extensions_default();
    const char *fields = config->header_fields != NULL ? config->header_fields : DEFAULT_FIELDS;

    if (av_buf_puts(out, ATTACHMENTS " ") && av_buf_puts(out, extensions) && av_buf_puts(out, "\n" PDF_FILES " ") &&
        av_buf_puts(out, config->include_attachments_of_pdfs ? "yes" : "no") && av_buf_puts(out, "\n" HEADER " ") &&
        av_buf_puts(out, fields) && av_buf_puts(out, "\n"))
        return AV_OK;
    return av_error_set(err, AV_ERR_LIMIT, "the index configuration is too long");
}

/* What stands behind `name` on its line; false: there is no such line. */
static bool
find_line(av_span text, const char *name, av_span *ret)
{
    while (text.n > 0) {
        size_t n = av_span_find(text, '\n');
        av_span line = av_span_slice(text, 0, n);

        if (line.n >= strlen(name) && memcmp(line.p, name, strlen(name)) == 0) {
            *ret = av_span_trim(av_span_skip(line, strlen(name)));
            return true;
        }
        text = av_span_skip(text, AV_MIN(n + 1, text.n));
    }
    return false;
}

av_errc
av_index_settings_read(av_span text, av_extensions *ret_extensions, bool *ret_pdf_files, av_error *err)
{
    av_span extensions, pdf_files;

    if (!find_line(text, ATTACHMENTS, &extensions) || !find_line(text, PDF_FILES, &pdf_files) ||
        av_extensions_parse(extensions, ret_extensions, err) != AV_OK)
        return av_error_set(err, AV_ERR_CORRUPT, "the settings of an index cannot be read");
    *ret_pdf_files = av_span_eq(pdf_files, av_span_str("yes"));
    return AV_OK;
}

/* ---- in accounts ---- */

av_errc
av_index_settings_get(const av_meta_view *accounts, Archivolt__IndexConfiguration **ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };
    av_errc rc;

    av_buf_init(&row, AV_ROW_MAX);
    rc = av_accounts_setting_get(accounts, av_span_str(CONFIG_KEY), &row, err);
    if (rc == AV_ERR_NOT_FOUND) {
        *ret = new_config();
        return AV_OK;
    }
    if (rc != AV_OK)
        return rc;
    *ret = archivolt__index_configuration__unpack(NULL, row.n, row.p);
    return *ret != NULL ? AV_OK : av_error_set(err, AV_ERR_CORRUPT, "the configuration of indexes cannot be read");
}

av_errc
av_index_settings_wanted(const av_meta_view *accounts, av_buf *out, av_error *err)
{
    Archivolt__IndexConfiguration *config = NULL;
    av_errc rc = av_index_settings_get(accounts, &config, err);

    if (rc == AV_OK)
        rc = av_index_settings_text(config, out, err);
    archivolt__index_configuration__free_unpacked(config, NULL);
    return rc;
}

static av_errc
put_config(av_accounts *accounts, const Archivolt__IndexConfiguration *config, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf row = { 0 };

    av_ask_pack(&config->base, &row);
    return av_accounts_setting_put(accounts, av_span_str(CONFIG_KEY), av_buf_span(&row), err);
}

/* ---- requests ---- */

av_errc
av_index_ask_get(av_ask *ask, av_error *err)
{
    Archivolt__GetIndexConfigurationReply *reply = av_reply_new(&archivolt__get_index_configuration_reply__descriptor);
    av_meta_view *view = av_accounts_snapshot(ask->archive->accounts);
    av_errc rc;

    ask->reply = &reply->base;
    rc = av_index_settings_get(view, &reply->config, err);
    av_meta_view_destroy(&view);
    return rc;
}

/* What of an open store's index is known differs or not; of the others nothing is known. */
static bool
has_settings(const av_archive *archive, uint32_t id, av_span settings)
{
    AV_CLEANUP(av_buf_release) av_buf made_with = { 0 };

    av_buf_init(&made_with, AV_INDEX_SETTINGS_MAX);
    return av_stores_index_made_with(archive->stores, id, &made_with) && av_span_eq(av_buf_span(&made_with), settings);
}

/* In every row: mark and its opposite. settings NULL: marked by hand; else those that are not known to have these. */
static av_errc
mark_all(const av_archive *archive, const av_span *settings, av_error *err)
{
    size_t n = 0;
    av_store_info *list = av_stores_list(archive->stores, &n);
    av_errc rc = AV_OK;

    for (size_t i = 0; rc == AV_OK && i < n; i++) {
        av_store_row *row = list[i].row;

        if (settings == NULL)
            row->index_mark |= AV_INDEX_MARK_SELECTED;
        else if (has_settings(archive, row->id, *settings))
            row->index_mark &= (uint8_t)~AV_INDEX_MARK_STALE;
        else
            row->index_mark |= AV_INDEX_MARK_STALE;
        rc = av_store_row_put(archive->accounts, row, err);
    }
    av_store_infos_free(list, n);
    return rc;
}

av_errc
av_index_ask_set(av_ask *ask, av_error *err)
{
    const Archivolt__SetIndexConfigurationRequest *body = (const void *)ask->body;
    Archivolt__IndexConfiguration *config = NULL;
    AV_CLEANUP(av_buf_release) av_buf now = { 0 };
    AV_CLEANUP(av_buf_release) av_buf before = { 0 };
    av_span text;
    av_errc rc = av_index_settings_normal(body->config, &config, err);

    if (rc != AV_OK)
        return rc;
    av_buf_init(&now, AV_INDEX_SETTINGS_MAX);
    av_buf_init(&before, AV_INDEX_SETTINGS_MAX);
    rc = av_index_settings_text(config, &now, err);
    if (rc == AV_OK)
        rc = av_index_settings_wanted(av_accounts_writer(ask->archive->accounts), &before, err);
    if (rc == AV_OK)
        rc = put_config(ask->archive->accounts, config, err);
    archivolt__index_configuration__free_unpacked(config, NULL);
    text = av_buf_span(&now);
    if (rc != AV_OK || av_span_eq(text, av_buf_span(&before)))
        return rc;
    return mark_all(ask->archive, &text, err);
}

av_errc
av_index_ask_select_all(av_ask *ask, av_error *err)
{
    return mark_all(ask->archive, NULL, err);
}
