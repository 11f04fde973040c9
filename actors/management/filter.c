/*
 * filter.c - see filter.h
 */
#include "actors/management/filter.h"

#define BIT(state) (1U << ARCHIVOLT__INSTANCE_STATE__INSTANCE_STATE_##state)

static const struct {
    const char *word;
    unsigned states;
} state_words[] = {
    { ".running", BIT(RUNNING) },
    { ".stopped", BIT(STOPPED) },
    { ".asleep", BIT(ASLEEP) },
    { ".error", BIT(FAILED) | BIT(UNREACHABLE) },
};

static av_errc
take_word(av_filter *self, av_span word, av_error *err)
{
    if (word.p[0] == '*') {
        if (word.n == 1)
            self->all = true;
        else
            self->hosts[self->host_count++] = av_span_skip(word, 1);
        return AV_OK;
    }
    if (word.p[0] != '.') {
        self->ids[self->id_count++] = word;
        return AV_OK;
    }
    for (size_t i = 0; i < AV_COUNT(state_words); i++)
        if (av_span_eq_str(word, state_words[i].word)) {
            self->states |= state_words[i].states;
            return AV_OK;
        }
    return av_error_set(err, AV_ERR_INVALID,
        "instance filter: \"%.*s\" is not one of .running, .stopped, .asleep, .error", (int)AV_MIN(word.n, 40),
        (const char *)word.p);
}

/* Lower case in place, other white space to spaces; returns the number of words. */
static size_t
fold(char *text, size_t n)
{
    size_t words = 0;

    for (size_t i = 0; i < n; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
        else if (text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
        if (text[i] != ' ' && (i == 0 || text[i - 1] == ' '))
            words++;
    }
    return words;
}

av_errc
av_filter_parse(av_span text, av_filter *ret, av_error *err)
{
    av_filter self = { .text = av_span_dup(text) };
    av_span rest = av_span_of(self.text, text.n);
    size_t words = fold(self.text, text.n);
    av_errc rc = AV_OK;

    if (words == 0)
        rc = av_error_set(err, AV_ERR_INVALID, "the instance filter is empty: write ids, or * for all instances");
    else if (words > AV_FILTER_WORDS_MAX)
        rc = av_error_set(err, AV_ERR_LIMIT, "the instance filter has more than %d words", AV_FILTER_WORDS_MAX);
    self.ids = av_xcalloc(AV_MIN(words, (size_t)AV_FILTER_WORDS_MAX), sizeof *self.ids);
    self.hosts = av_xcalloc(AV_MIN(words, (size_t)AV_FILTER_WORDS_MAX), sizeof *self.hosts);
    while (rc == AV_OK && rest.n > 0) {
        size_t n = av_span_find(rest, ' ');

        if (n > 0)
            rc = take_word(&self, av_span_slice(rest, 0, n), err);
        rest = av_span_skip(rest, n < rest.n ? n + 1 : n);
    }
    if (rc != AV_OK) {
        av_filter_release(&self);
        return rc;
    }
    if (self.id_count == 0 && self.host_count == 0)
        self.all = true; /* state words alone */
    *ret = self;
    return AV_OK;
}

void
av_filter_release(av_filter *self)
{
    free(self->text);
    free(self->ids);
    free(self->hosts);
    *self = (av_filter){ 0 };
}

bool
av_filter_names(const av_filter *self, const char *id, const char *alias, const char *host)
{
    if (self->all)
        return true;
    for (size_t i = 0; i < self->host_count; i++)
        if (av_span_eq_str(self->hosts[i], host))
            return true;
    for (size_t i = 0; i < self->id_count; i++)
        if (av_span_eq_str(self->ids[i], id) || (alias != NULL && av_span_eq_str(self->ids[i], alias)))
            return true;
    return false;
}

bool
av_filter_wants_state(const av_filter *self, Archivolt__InstanceState state)
{
    return self->states == 0 || (self->states & (1U << state)) != 0;
}
