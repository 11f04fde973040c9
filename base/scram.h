/*
 * scram.h - the server's side of SCRAM-SHA-256: what is kept of a password, the four messages of a login
 *
 * The client proves that it knows the password; the server keeps, in place of the password, two keys from which neither it nor
 * the client's proof can be made, and proves in turn that it has them. No I/O, no state: who speaks the messages is
 * gateway/imap, who keeps verifiers and checks proofs is the instance.
 *
 *   C: n,,n=user,r=NONCE        S: r=NONCE+MORE,s=SALT,i=ROUNDS        C: c=biws,r=NONCE+MORE,p=PROOF        S: v=SIGNATURE
 *
 * Source: RFC 5802 (messages), RFC 7677 (SHA-256), RFC 4013 (SASLprep), RFC 9266 (tls-exporter).
 */
#ifndef AV_BASE_SCRAM_H
#define AV_BASE_SCRAM_H

#include "base/buf.h"
#include "base/error.h"

#define AV_SCRAM_KEY        32
#define AV_SCRAM_SALT       16
#define AV_SCRAM_ROUNDS_MIN 4096
#define AV_SCRAM_NONCE_MAX  128
#define AV_SCRAM_NAME_MAX   512 /* bytes of a name, escapes undone */

/* What is kept of a password. A secret: who has it can guess passwords, and can play the server. */
typedef struct av_scram_verifier {
    uint8_t salt[AV_SCRAM_SALT];
    uint32_t rounds; /* 0: there is none */
    uint8_t stored_key[AV_SCRAM_KEY], server_key[AV_SCRAM_KEY];
} av_scram_verifier;

/*
 * password: UTF-8. Blocks for the rounds, some 150 ms for 600,000. AV_ERR_INVALID: SASLprep forbids the password (control
 * characters, mixed directions); nothing is wrong with it for other mechanisms.
 */
av_errc av_scram_verifier_make(const char *password, uint32_t rounds, av_scram_verifier *ret, av_error *err);
/* For a name nobody has: looks like a verifier, is the same one each time, and no password fits it. */
void av_scram_verifier_decoy(const uint8_t key[32], av_span name, uint32_t rounds, av_scram_verifier *ret);

/* in (UTF-8) as RFC 4013 prepares it. false: forbidden, not UTF-8, or out is full. */
bool av_saslprep(av_span in, av_buf *out);

/* ---- messages; spans borrow from the message ---- */

typedef struct av_scram_first {
    av_span header;       /* gs2-header: "n,,", with its last comma */
    char binding;         /* 'n' not known to the client, 'y' known but not offered by us, 'p' used */
    av_span binding_name; /* of 'p': "tls-exporter" */
    av_span authzid;      /* escaped; empty: none */
    av_span bare;         /* client-first-message-bare */
    av_span name;         /* escaped */
    av_span nonce;
} av_scram_first;

/* AV_ERR_SYNTAX; AV_ERR_UNSUPPORTED for a mandatory extension (m=). */
av_errc av_scram_first_parse(av_span message, av_scram_first *ret, av_error *err);
/* "=2C" is a comma, "=3D" an equals sign. false: another "=", or too long. */
bool av_scram_name_put(av_span escaped, av_buf *out);
/* server-first-message. nonce_more: what the server adds to the client's; printable, no comma. */
bool av_scram_first_answer(const av_scram_verifier *verifier, av_span nonce, av_span nonce_more, av_buf *out);

typedef struct av_scram_final {
    av_span binding; /* c=, base64 */
    av_span nonce;
    av_span without_proof;
    uint8_t proof[AV_SCRAM_KEY];
} av_scram_final;

av_errc av_scram_final_parse(av_span message, av_scram_final *ret, av_error *err);
/* c= is the base64 of the header and, when the binding is used, of its data. */
bool av_scram_final_is_bound(const av_scram_final *self, av_span header, av_span data);
/* The proof is right. ret: the server's signature ("v=" with base64 is the server-final-message). */
bool av_scram_final_check(const av_scram_final *self, const av_scram_verifier *verifier, av_span first_bare,
    av_span first_answer, uint8_t ret[AV_SCRAM_KEY]);

#endif
