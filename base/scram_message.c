/*
 * scram_message.c - the messages of SCRAM, taken apart and put together (RFC 5802, 5 and 7)
 */
#include "base/encode.h"
#include "base/scram.h"

#define BINDING_MAX 512

/* Up to the next comma, which is taken, too; false: there is none. */
static bool
take_to_comma(av_span *in, av_span *ret)
{
    size_t n = av_span_find(*in, ',');

    if (n == in->n)
        return false;
    *ret = av_span_slice(*in, 0, n);
    *in = av_span_skip(*in, n + 1);
    return true;
}

/* "x=value" */
static bool
is_attribute(av_span in, char name, av_span *ret_value)
{
    if (in.n < 2 || in.p[0] != (uint8_t)name || in.p[1] != '=')
        return false;
    *ret_value = av_span_skip(in, 2);
    return true;
}

/* printable: %x21-2B / %x2D-7E */
static bool
is_nonce(av_span in)
{
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < 0x21 || in.p[i] > 0x7e || in.p[i] == ',')
            return false;
    }
    return in.n > 0 && in.n <= AV_SCRAM_NONCE_MAX;
}

static av_errc
bad(av_error *err)
{
    return av_error_set(err, AV_ERR_SYNTAX, "the SCRAM message breaks the grammar of RFC 5802, 7");
}

/* gs2-cbind-flag "," [ "a=" saslname ] "," */
static bool
take_header(av_span *in, av_scram_first *ret)
{
    av_span flag, authzid;

    if (!take_to_comma(in, &flag) || !take_to_comma(in, &authzid))
        return false;
    if (authzid.n > 0 && !is_attribute(authzid, 'a', &ret->authzid))
        return false;
    if (is_attribute(flag, 'p', &ret->binding_name) && ret->binding_name.n > 0)
        ret->binding = 'p';
    else if (flag.n == 1 && (flag.p[0] == 'n' || flag.p[0] == 'y'))
        ret->binding = (char)flag.p[0];
    return ret->binding != '\0';
}

av_errc
av_scram_first_parse(av_span message, av_scram_first *ret, av_error *err)
{
    av_scram_first first = { .authzid = { message.p, 0 } };
    av_span in = message, name, nonce;
    size_t end;

    if (!take_header(&in, &first))
        return bad(err);
    first.header = av_span_slice(message, 0, message.n - in.n);
    first.bare = in;
    if (in.n >= 2 && in.p[0] == 'm' && in.p[1] == '=')
        return av_error_set(err, AV_ERR_UNSUPPORTED, "the client demands an extension of SCRAM that is not known");
    if (!take_to_comma(&in, &name) || !is_attribute(name, 'n', &first.name) || first.name.n == 0)
        return bad(err);
    end = av_span_find(in, ','); /* extensions behind it are passed over */
    nonce = av_span_slice(in, 0, end);
    if (!is_attribute(nonce, 'r', &first.nonce) || !is_nonce(first.nonce))
        return bad(err);
    *ret = first;
    return AV_OK;
}

bool
av_scram_name_put(av_span escaped, av_buf *out)
{
    while (escaped.n > 0) {
        uint8_t c = escaped.p[0];
        bool is_escape = c == '=';

        if (is_escape) {
            if (escaped.n < 3 || (memcmp(escaped.p, "=2C", 3) != 0 && memcmp(escaped.p, "=3D", 3) != 0))
                return false;
            c = escaped.p[2] == 'C' ? ',' : '=';
        }
        if (!av_buf_putc(out, c))
            return false;
        escaped = av_span_skip(escaped, is_escape ? 3 : 1);
    }
    return true;
}

bool
av_scram_first_answer(const av_scram_verifier *verifier, av_span nonce, av_span nonce_more, av_buf *out)
{
    (void)av_buf_puts(out, "r=");
    (void)av_buf_append_span(out, nonce);
    (void)av_buf_append_span(out, nonce_more);
    (void)av_buf_puts(out, ",s=");
    (void)av_base64_encode(av_span_of(verifier->salt, sizeof verifier->salt), out);
    return av_buf_printf(out, ",i=%u", verifier->rounds);
}

av_errc
av_scram_final_parse(av_span message, av_scram_final *ret, av_error *err)
{
    AV_CLEANUP(av_buf_release) av_buf proof = { 0 };
    av_scram_final final = { .without_proof = { message.p, 0 } };
    av_span in = message, field, text;
    size_t last = message.n;

    while (last > 0 && message.p[last - 1] != ',')
        last--;
    if (last == 0 || !is_attribute(av_span_skip(message, last), 'p', &text))
        return bad(err);
    final.without_proof = av_span_slice(message, 0, last - 1);
    av_buf_init(&proof, AV_SCRAM_KEY);
    if (!av_base64_decode(text, &proof) || proof.n != AV_SCRAM_KEY)
        return bad(err);
    memcpy(final.proof, proof.p, sizeof final.proof);
    if (!take_to_comma(&in, &field) || !is_attribute(field, 'c', &final.binding))
        return bad(err);
    if (!take_to_comma(&in, &field) || !is_attribute(field, 'r', &final.nonce) || final.nonce.n == 0)
        return bad(err);
    *ret = final;
    return AV_OK;
}

bool
av_scram_final_is_bound(const av_scram_final *self, av_span header, av_span data)
{
    AV_CLEANUP(av_buf_release) av_buf got = { 0 };

    av_buf_init(&got, BINDING_MAX);
    if (!av_base64_decode(self->binding, &got) || got.n != header.n + data.n)
        return false;
    return memcmp(got.p, header.p, header.n) == 0 && (data.n == 0 || memcmp(got.p + header.n, data.p, data.n) == 0);
}
