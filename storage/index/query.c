/*
 * query.c - the tree: nodes, their limits, and the functions that build them
 *
 * Not here: text to tree (query_parse.c), tree to bytes (query_wire.c), what a match is (match.c).
 */
#include "storage/index/query.h"

#include "storage/index/fold.h"
#include "storage/index/phrase.h"
#include "storage/index/query_priv.h"
#include "storage/index/stem.h"

struct av_query {
    av_query_limits limits;
    av_query_node *nodes; /* id - 1 is the index */
    size_t count, cap;
    size_t ranges;
    av_query_id root;
    av_error failure; /* the first one; code AV_OK: none */
};

const av_query_limits av_query_limits_default = {
    .text_bytes = 4096, .term_bytes = 1024, .nodes = 512, .depth = 32, .ranges = 4096, .zone_min = 0
};

av_query *
av_query_new(const av_query_limits *limits)
{
    av_query *self = av_xcalloc(1, sizeof *self);

    self->limits = limits == NULL ? av_query_limits_default : *limits;
    self->limits.depth = AV_MIN(self->limits.depth, (size_t)AV_QUERY_DEPTH_MAX);
    self->limits.nodes = AV_MIN(self->limits.nodes, (size_t)UINT16_MAX);
    self->limits.term_bytes = AV_MIN(self->limits.term_bytes, (size_t)UINT16_MAX);
    return self;
}

void
av_query_destroy(av_query **self)
{
    av_query *q = *self;

    if (q == NULL)
        return;
    for (size_t i = 0; i < q->count; i++) {
        free((void *)q->nodes[i].text.p);
        free((void *)q->nodes[i].name.p);
        free((void *)q->nodes[i].ranges);
    }
    free(q->nodes);
    free(q);
    *self = NULL;
}

/* Keep the first failure; always AV_QUERY_NONE. */
static av_query_id fail(av_query *self, av_errc code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static av_query_id
fail(av_query *self, av_errc code, const char *fmt, ...)
{
    va_list ap;
    char text[200];

    if (self->failure.code != AV_OK)
        return AV_QUERY_NONE;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    (void)av_error_set(&self->failure, code, "%s", text);
    return AV_QUERY_NONE;
}

bool
av_query_failed(const av_query *self)
{
    return self->failure.code != AV_OK;
}

const av_query_limits *
av_query_limits_of(const av_query *self)
{
    return &self->limits;
}

/* A new leaf, or AV_QUERY_NONE. What the caller allocated for it is then still the caller's. */
static av_query_id
add(av_query *self, av_query_kind kind)
{
    if (self->failure.code != AV_OK)
        return AV_QUERY_NONE;
    if (self->count >= self->limits.nodes)
        return fail(self, AV_ERR_LIMIT, "the search has more than %zu terms and operators", self->limits.nodes);
    if (self->count == self->cap) {
        self->cap = self->cap == 0 ? 8 : self->cap * 2;
        self->nodes = av_xrealloc(self->nodes, self->cap * sizeof *self->nodes);
    }
    self->nodes[self->count] = (av_query_node){ .kind = kind, .height = 1 };
    return (av_query_id)++self->count;
}

static av_query_node *
node(av_query *self, av_query_id id)
{
    assert(id >= 1 && id <= self->count);
    return &self->nodes[id - 1];
}

/* White space runs become one blank, none at the ends; in is NFC. */
static void
squeeze(av_span in, av_buf *out)
{
    bool gap = false;

    while (in.n > 0) {
        av_span rest = in;
        uint32_t c = av_utf8_next(&rest);

        if (av_query_is_space(c)) {
            gap = true;
        } else {
            if (gap && out->n > 0)
                (void)av_buf_putc(out, ' ');
            (void)av_buf_append(out, in.p, in.n - rest.n);
            gap = false;
        }
        in = rest;
    }
}

/* text checked, brought to NFC and, for words, to single blanks; owned memory in ret. */
static bool
take_text(av_query *self, av_span text, bool words, const char *what, av_span *ret)
{
    AV_CLEANUP(av_buf_release) av_buf nfc = { 0 };
    AV_CLEANUP(av_buf_release) av_buf out = { 0 };
    av_span done;

    if (self->failure.code != AV_OK)
        return false;
    av_buf_init(&nfc, self->limits.term_bytes * 4 + 16);
    av_buf_init(&out, self->limits.term_bytes * 4 + 16);
    if (text.n > self->limits.term_bytes)
        return fail(self, AV_ERR_LIMIT, "%s is longer than %zu bytes", what, self->limits.term_bytes), false;
    if (text.n > 0 && memchr(text.p, 0, text.n) != NULL)
        return fail(self, AV_ERR_INVALID, "%s holds a NUL byte", what), false;
    if (!av_unicode_nfc(text, &nfc))
        return fail(self, AV_ERR_INVALID, "%s is not valid UTF-8", what), false;
    if (words)
        squeeze(av_buf_span(&nfc), &out);
    done = words ? av_buf_span(&out) : av_buf_span(&nfc);
    if (done.n > self->limits.term_bytes)
        return fail(self, AV_ERR_LIMIT, "%s is longer than %zu bytes", what, self->limits.term_bytes), false;
    *ret = av_span_of(av_span_dup(done), done.n);
    return true;
}

bool
av_query_is_searchable(av_span text)
{
    while (text.n > 0) {
        uint32_t c = av_utf8_next(&text);

        if (av_fold_is_letter(c) || (c >= 0x80 && !av_query_is_space(c)))
            return true;
    }
    return false;
}

static av_query_id
add_text(av_query *self, av_query_kind kind, av_span text, const char *what)
{
    av_span owned = { NULL, 0 };
    av_query_id id;

    if (!take_text(self, text, false, what, &owned))
        return AV_QUERY_NONE;
    id = owned.n == 0 ? fail(self, AV_ERR_INVALID, "%s is empty", what) : add(self, kind);
    if (id == AV_QUERY_NONE)
        free((void *)owned.p);
    else
        node(self, id)->text = owned;
    return id;
}

av_query_id
av_query_all(av_query *self)
{
    return add(self, AV_QUERY_ALL);
}

/* Put the children under a new node of this kind. */
static av_query_id
join(av_query *self, av_query_kind kind, const av_query_id *children, size_t n)
{
    uint32_t height = 0;
    av_query_id id;

    if (n == 0)
        return fail(self, AV_ERR_INVALID, "an operator has nothing to work on");
    for (size_t i = 0; i < n; i++) {
        if (self->failure.code != AV_OK || children[i] == AV_QUERY_NONE)
            return fail(self, AV_ERR_INVALID, "an operator works on a term that could not be made");
        if (children[i] > self->count || node(self, children[i])->owned)
            return fail(self, AV_ERR_INVALID, "a term stands at two places of the search");
        height = AV_MAX(height, node(self, children[i])->height);
        node(self, children[i])->owned = true;
    }
    if (height + 1 > self->limits.depth)
        return fail(self, AV_ERR_LIMIT, "the search is nested deeper than %zu levels", self->limits.depth);
    id = add(self, kind);
    if (id == AV_QUERY_NONE)
        return id;
    node(self, id)->height = height + 1;
    node(self, id)->first_child = children[0];
    for (size_t i = 0; i + 1 < n; i++)
        node(self, children[i])->next = children[i + 1];
    return id;
}

av_query_id
av_query_not(av_query *self, av_query_id child)
{
    return join(self, AV_QUERY_NOT, &child, 1);
}

av_query_id
av_query_and(av_query *self, const av_query_id *children, size_t n)
{
    return n == 1 ? children[0] : join(self, AV_QUERY_AND, children, n);
}

av_query_id
av_query_or(av_query *self, const av_query_id *children, size_t n)
{
    return n == 1 ? children[0] : join(self, AV_QUERY_OR, children, n);
}

const char *
av_query_wrong_with(av_query_kind kind, av_span text)
{
    AV_CLEANUP(av_phrase_release) av_phrase phrase;
    const char *wrong = NULL;
    size_t words = 0;

    av_phrase_init(&phrase, kind, text);
    for (size_t i = 0; i < phrase.count && wrong == NULL; i++) {
        const av_phrase_item *item = &phrase.items[i];
        bool alone = kind == AV_QUERY_NEAR || kind == AV_QUERY_STEM;

        if (item->beside_pattern || (alone && item->kind == AV_PHRASE_ROW))
            wrong = alone ? "such words must be of a script that parts words by spaces"
                          : "no * or ? is needed beside letters of a script that does not part words";
        else if (item->kind == AV_PHRASE_MARK && alone)
            wrong = "such words may hold letters and digits alone";
        else if (item->kind == AV_PHRASE_WORD && !av_query_is_searchable(item->word.form))
            wrong = "* and ? need a letter or digit in the same word";
        words += item->kind == AV_PHRASE_WORD;
    }
    if (wrong == NULL && phrase.wildcards > AV_QUERY_WILDCARDS_MAX)
        wrong = "a search term has more than 8 wildcards";
    if (wrong == NULL && kind == AV_QUERY_NEAR && (words < 2 || words > AV_QUERY_NEAR_ITEMS_MAX))
        wrong = "NEAR takes 2 to 16 words";
    if (wrong == NULL && kind == AV_QUERY_STEM && words != 1)
        wrong = "~ takes one word";
    return wrong;
}

/* A leaf with a text that is searched in fields; what else it holds is the caller's to set. */
static av_query_id
add_searched(av_query *self, av_query_kind kind, uint32_t fields, av_span text)
{
    av_span owned = { NULL, 0 };
    const char *wrong;
    av_query_id id;

    if (fields == 0 || (fields & ~(uint32_t)AV_QUERY_IN_ALL) != 0)
        return fail(self, AV_ERR_INVALID, "a search term names no known field");
    if (!take_text(self, text, kind != AV_QUERY_SUBSTRING, "a search term", &owned))
        return AV_QUERY_NONE;
    wrong = kind == AV_QUERY_SUBSTRING       ? NULL
            : !av_query_is_searchable(owned) ? "a search term has no letter or digit"
            : kind != AV_QUERY_WORD          ? av_query_wrong_with(kind, owned)
                                             : NULL;
    id = wrong != NULL ? fail(self, AV_ERR_INVALID, "%s", wrong) : add(self, kind);
    if (id == AV_QUERY_NONE) {
        free((void *)owned.p);
        return id;
    }
    node(self, id)->fields = fields;
    node(self, id)->text = owned;
    return id;
}

static bool
is_words(av_query_kind kind)
{
    return kind == AV_QUERY_WORD || kind == AV_QUERY_PREFIX || kind == AV_QUERY_SUFFIX || kind == AV_QUERY_WILDCARD;
}

av_query_id
av_query_text(av_query *self, av_query_kind kind, uint32_t fields, av_span text)
{
    assert(is_words(kind) || kind == AV_QUERY_SUBSTRING);
    return add_searched(self, kind, fields, text);
}

av_query_id
av_query_near(av_query *self, uint32_t fields, uint32_t distance, av_span text)
{
    av_query_id id;

    if (distance < 1 || distance > AV_QUERY_NEAR_MAX)
        return fail(self, AV_ERR_INVALID, "the distance of NEAR is 1 to %d words", AV_QUERY_NEAR_MAX);
    id = add_searched(self, AV_QUERY_NEAR, fields, text);
    if (id != AV_QUERY_NONE)
        node(self, id)->distance = distance;
    return id;
}

av_query_id
av_query_stem(av_query *self, uint32_t fields, av_span languages, av_span text)
{
    av_span owned = { NULL, 0 };
    av_query_id id;

    if (languages.n == 0)
        languages = av_span_str(self->limits.languages == NULL ? "english,german" : self->limits.languages);
    if (!av_stem_languages_valid(languages))
        return fail(self, AV_ERR_INVALID, "\"%.*s\" are no languages whose stems are known",
            (int)AV_MIN(languages.n, (size_t)80), (const char *)languages.p);
    if (!take_text(self, languages, false, "a list of languages", &owned))
        return AV_QUERY_NONE;
    id = add_searched(self, AV_QUERY_STEM, fields, text);
    if (id == AV_QUERY_NONE)
        free((void *)owned.p);
    else
        node(self, id)->name = owned;
    return id;
}

/* Name and text under a new node; words: single blanks, and something to search for. */
static av_query_id
add_header(av_query *self, av_query_kind kind, av_query_kind how, av_span name, av_span text)
{
    av_span owned_name = { NULL, 0 }, owned = { NULL, 0 };
    bool words = kind == AV_QUERY_HEADER_WORD;
    const char *wrong = NULL;
    av_query_id id = AV_QUERY_NONE;

    if (take_text(self, name, false, "a header name", &owned_name) &&
        take_text(self, text, words, "a search term", &owned)) {
        if (name.n == 0)
            wrong = "a header name is empty";
        else if (words && !av_query_is_searchable(owned))
            wrong = "a search term has no letter or digit";
        else if (words)
            wrong = av_query_wrong_with(how, owned);
        id = wrong != NULL ? fail(self, AV_ERR_INVALID, "%s", wrong) : add(self, kind);
    }
    if (id == AV_QUERY_NONE) {
        free((void *)owned_name.p);
        free((void *)owned.p);
        return id;
    }
    node(self, id)->name = owned_name;
    node(self, id)->text = owned;
    node(self, id)->how = how;
    return id;
}

av_query_id
av_query_header(av_query *self, av_span name, av_span text)
{
    return add_header(self, AV_QUERY_HEADER, AV_QUERY_SUBSTRING, name, text);
}

av_query_id
av_query_header_word(av_query *self, av_span name, av_query_kind how, av_span text)
{
    if (!is_words(how))
        return fail(self, AV_ERR_INVALID, "a header cannot be searched in this way");
    return add_header(self, AV_QUERY_HEADER_WORD, how, name, text);
}

av_query_id
av_query_folder(av_query *self, av_span path)
{
    return add_text(self, AV_QUERY_FOLDER, path, "a folder name");
}

av_query_id
av_query_dates(av_query *self, av_query_date which, int64_t from_unix_s, int64_t to_unix_s)
{
    av_query_id id;

    if (which < AV_QUERY_DATE_SENT || which > AV_QUERY_DATE_RECEIVED)
        return fail(self, AV_ERR_INVALID, "a date term speaks of no known date");
    id = add(self, AV_QUERY_DATE);
    if (id == AV_QUERY_NONE)
        return id;
    node(self, id)->date = which;
    node(self, id)->from_unix_s = from_unix_s;
    node(self, id)->to_unix_s = to_unix_s;
    return id;
}

av_query_id
av_query_size(av_query *self, uint64_t min_bytes, uint64_t max_bytes)
{
    av_query_id id = add(self, AV_QUERY_SIZE);

    if (id == AV_QUERY_NONE)
        return id;
    node(self, id)->min_bytes = min_bytes;
    node(self, id)->max_bytes = max_bytes;
    return id;
}

av_query_id
av_query_has_attachment(av_query *self)
{
    return add(self, AV_QUERY_HAS_ATTACHMENT);
}

av_query_id
av_query_message_id(av_query *self, av_span id)
{
    return add_text(self, AV_QUERY_ID, id, "a message id");
}

av_query_id
av_query_flagged(av_query *self, av_query_flag flag)
{
    unsigned bits = (unsigned)flag;
    av_query_id id;

    if (bits == 0 || (bits & (bits - 1)) != 0 || (bits & ~(unsigned)AV_QUERY_FLAG_ALL) != 0)
        return fail(self, AV_ERR_INVALID, "a flag term names no known flag");
    id = add(self, AV_QUERY_FLAG);
    if (id != AV_QUERY_NONE)
        node(self, id)->flag = flag;
    return id;
}

av_query_id
av_query_keyword(av_query *self, av_span keyword)
{
    return add_text(self, AV_QUERY_KEYWORD, keyword, "a keyword");
}

av_query_id
av_query_uids(av_query *self, const av_query_range *ranges, size_t n)
{
    av_query_range *own;
    av_query_id id;

    if (n == 0)
        return fail(self, AV_ERR_INVALID, "a set of messages is empty");
    if (n > self->limits.ranges - AV_MIN(self->ranges, self->limits.ranges))
        return fail(self, AV_ERR_LIMIT, "the sets of messages have more than %zu ranges", self->limits.ranges);
    id = add(self, AV_QUERY_UIDS);
    if (id == AV_QUERY_NONE)
        return id;
    own = av_xcalloc(n, sizeof *own);
    for (size_t i = 0; i < n; i++)
        own[i] = (av_query_range){ AV_MIN(ranges[i].first, ranges[i].last), AV_MAX(ranges[i].first, ranges[i].last) };
    self->ranges += n;
    node(self, id)->ranges = own;
    node(self, id)->range_count = n;
    return id;
}

av_errc
av_query_finish(av_query *self, av_query_id root, av_error *err)
{
    if (self->failure.code == AV_OK && (root == AV_QUERY_NONE || root > self->count || node(self, root)->owned))
        (void)fail(self, AV_ERR_INVALID, "the search has no root");
    if (self->failure.code != AV_OK)
        return av_error_set(err, self->failure.code, "%s", self->failure.msg);
    node(self, root)->owned = true;
    self->root = root;
    return AV_OK;
}

av_query_id
av_query_root(const av_query *self)
{
    return self->root;
}

const av_query_node *
av_query_node_at(const av_query *self, av_query_id id)
{
    assert(id >= 1 && id <= self->count);
    return &self->nodes[id - 1];
}

size_t
av_query_count(const av_query *self)
{
    return self->count;
}
