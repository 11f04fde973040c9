/*
 * fetch_items.h - what a FETCH asks for: "(UID FLAGS BODY.PEEK[HEADER.FIELDS (From To)]<0.512>)" as a struct
 *
 * Pure. Source: RFC 3501, 6.4.5 and 9 (fetch-att, section); RFC 3516, 7; RFC 7162, 7; RFC 8474, 7; RFC 8514, 5; RFC 8970, 6.
 */
#ifndef AV_GATEWAY_IMAP_FETCH_ITEMS_H
#define AV_GATEWAY_IMAP_FETCH_ITEMS_H

#include "base/buf.h"
#include "base/error.h"
#include "gateway/imap/search_return.h"

#define AV_IMAP_SECTIONS_MAX     64   /* as many as the instance takes */
#define AV_IMAP_SECTION_TEXT_MAX 8192 /* bytes of all sections of one command */

/* The word the answer is given under (RFC 3501, 7.4.2). */
typedef enum av_imap_label {
    AV_IMAP_LABEL_BODY, /* BODY[section]<origin> */
    AV_IMAP_LABEL_RFC822,
    AV_IMAP_LABEL_RFC822_HEADER,
    AV_IMAP_LABEL_RFC822_TEXT,
    AV_IMAP_LABEL_BINARY,     /* BINARY[part]<origin> */
    AV_IMAP_LABEL_BINARY_SIZE /* BINARY.SIZE[part] */
} av_imap_label;

typedef struct av_imap_fetch_section {
    av_imap_label label;
    size_t text_at; /* C string in av_imap_fetch_items.text: "1.2.HEADER.FIELDS (From To)" */
    bool partial;
    uint64_t offset, length;
} av_imap_fetch_section;

typedef struct av_imap_fetch_items {
    bool uid, flags, internaldate, size, envelope, body, bodystructure;
    bool modseq, emailid, threadid, savedate, preview;
    bool has_changed_since, vanished; /* modifiers: RFC 7162, 3.1.4.1 and 3.2.6 */
    uint64_t changed_since;
    bool has_page; /* modifier PARTIAL: RFC 9394, 3.4 */
    av_imap_return page;
    av_imap_fetch_section sections[AV_IMAP_SECTIONS_MAX];
    size_t section_count;
    av_buf text;
} av_imap_fetch_items;

/*
 * All of in: a macro, an item or a list of items, then maybe a list of modifiers. ret need not be initialized and is to be released in any case.
 * Returns AV_OK, AV_ERR_SYNTAX, AV_ERR_LIMIT; the sentence names the item.
 */
av_errc av_imap_fetch_items_parse(av_span in, av_imap_fetch_items *ret, av_error *err);
void av_imap_fetch_items_release(av_imap_fetch_items *self);
const char *av_imap_fetch_items_section(const av_imap_fetch_items *self, size_t index);

#endif
