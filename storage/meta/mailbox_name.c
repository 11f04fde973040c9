/*
 * mailbox_name.c - see mailbox_name.h
 */
#include "storage/meta/mailbox_name.h"

#include "base/unicode.h"

static bool
has_control(av_span s)
{
    while (s.n > 0) {
        uint32_t c = av_utf8_next(&s);

        if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029)
            return true;
    }
    return false;
}

/* One component without '/' in NFC onto out. */
static av_errc
put_component(av_span in, av_buf *out, av_error *err)
{
    size_t before = out->n;

    if (in.n == 0)
        return av_error_set(err, AV_ERR_INVALID, "a mailbox name has an empty part");
    if (in.n > 4 * AV_MAILBOX_COMPONENT_MAX) /* before the work is done: NFC never shrinks a text that far */
        return av_error_set(
            err, AV_ERR_INVALID, "a part of the mailbox name is longer than %d bytes", AV_MAILBOX_COMPONENT_MAX);
    if (!av_utf8_valid(in))
        return av_error_set(err, AV_ERR_INVALID, "the mailbox name is not valid UTF-8");
    if (has_control(in))
        return av_error_set(err, AV_ERR_INVALID, "the mailbox name has a control character");
    if (!av_unicode_nfc(in, out))
        return av_error_set(err, AV_ERR_INVALID, "the mailbox name is too long");
    if (out->n - before > AV_MAILBOX_COMPONENT_MAX)
        return av_error_set(
            err, AV_ERR_INVALID, "a part of the mailbox name is longer than %d bytes", AV_MAILBOX_COMPONENT_MAX);
    return AV_OK;
}

av_errc
av_mailbox_path_normalize(av_span in, av_buf *out, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    unsigned levels = 0;

    av_buf_init(&path, 4 * AV_MAILBOX_PATH_MAX);
    for (;;) {
        size_t end = av_span_find(in, '/');
        av_errc rc;

        if (++levels > AV_MAILBOX_LEVELS_MAX)
            return av_error_set(
                err, AV_ERR_INVALID, "a mailbox name may have at most %d levels", AV_MAILBOX_LEVELS_MAX);
        rc = put_component(av_span_slice(in, 0, end), &path, err);
        if (rc != AV_OK)
            return rc;
        if (end == in.n)
            break;
        (void)av_buf_putc(&path, '/');
        in = av_span_skip(in, end + 1);
    }
    if (!av_buf_append_span(out, av_buf_span(&path)))
        return av_error_set(err, AV_ERR_LIMIT, "the mailbox name is too long");
    return AV_OK;
}

av_errc
av_mailbox_path_check(av_span in, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf path = { 0 };
    av_errc rc;

    av_buf_init(&path, AV_MAILBOX_PATH_MAX);
    rc = av_mailbox_path_normalize(in, &path, err);
    if (rc == AV_OK && !av_span_eq(in, av_buf_span(&path)))
        rc = av_error_set(err, AV_ERR_INVALID, "the mailbox name is not in its normal form (NFC)");
    return rc;
}

av_errc
av_mailbox_path_append(av_buf *path, av_span component, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf whole = { 0 };
    AV_CLEANUP(av_buf_release) av_buf normal = { 0 };
    av_errc rc;

    av_buf_init(&whole, 4 * AV_MAILBOX_PATH_MAX);
    av_buf_init(&normal, 4 * AV_MAILBOX_PATH_MAX);
    (void)av_buf_append_span(&whole, av_buf_span(path));
    if (path->n > 0)
        (void)av_buf_putc(&whole, '/');
    for (size_t i = 0; i < component.n; i++) {
        if (component.p[i] == '/')
            (void)av_buf_puts(&whole, "\xE2\x88\x95"); /* U+2215, DIVISION SLASH */
        else
            (void)av_buf_putc(&whole, component.p[i]);
    }
    if (whole.full)
        return av_error_set(err, AV_ERR_INVALID, "the mailbox name is too long");
    rc = av_mailbox_path_normalize(av_buf_span(&whole), &normal, err);
    if (rc != AV_OK)
        return rc;
    if (normal.n > path->max)
        return av_error_set(err, AV_ERR_LIMIT, "the mailbox name is too long");
    av_buf_clear(path);
    (void)av_buf_append_span(path, av_buf_span(&normal));
    return AV_OK;
}

av_span
av_mailbox_path_leaf(av_span path)
{
    size_t at = path.n;

    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return av_span_skip(path, at);
}

av_span
av_mailbox_path_parent(av_span path)
{
    size_t leaf = av_mailbox_path_leaf(path).n;

    return av_span_slice(path, 0, leaf == path.n ? 0 : path.n - leaf - 1);
}

bool
av_mailbox_path_is_below(av_span path, av_span ancestor)
{
    return path.n > ancestor.n && path.p[ancestor.n] == '/' && av_span_eq(av_span_slice(path, 0, ancestor.n), ancestor);
}
