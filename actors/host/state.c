/*
 * state.c - see state.h
 */
#include "actors/host/state.h"

#include "base/encode.h"
#include "base/file.h"

#define HEAD      "archivolt-host-state 1"
#define LINES_MAX 200000U

static const struct {
    const char *word;
    int value;
} modes[] = { { "automatic", ARCHIVOLT__START_MODE__START_MODE_AUTOMATIC },
    { "manual", ARCHIVOLT__START_MODE__START_MODE_MANUAL },
    { "disabled", ARCHIVOLT__START_MODE__START_MODE_DISABLED } };

static const char *const wanted_words[] = { [AV_WANTED_STOPPED] = "stopped",
    [AV_WANTED_RUNNING] = "running",
    [AV_WANTED_ASLEEP] = "asleep",
    [AV_WANTED_DELETING] = "deleting" };

bool
av_instance_id_valid(av_span id)
{
    for (size_t i = 0; i < id.n; i++) {
        uint8_t c = id.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!alnum && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return false;
    }
    return id.n > 0 && id.n <= AV_HOST_INSTANCE_MAX;
}

bool
av_base_dir_valid(av_span path)
{
    size_t begin = 1;

    if (path.n < 2 || path.n > AV_HOST_PATH_MAX || path.p[0] != '/')
        return false;
    for (size_t i = 1; i <= path.n; i++) {
        av_span part;

        if (i < path.n && path.p[i] != '/') {
            if (path.p[i] < 0x20 || path.p[i] == 0x7f)
                return false;
            continue;
        }
        part = av_span_slice(path, begin, i);
        if (part.n == 0 || av_span_eq_str(part, ".") || av_span_eq_str(part, ".."))
            return false;
        begin = i + 1;
    }
    return true;
}

static av_span
take(av_span *rest, uint8_t separator)
{
    size_t n = av_span_find(*rest, separator);
    av_span part = av_span_slice(*rest, 0, n);

    *rest = av_span_skip(*rest, n < rest->n ? n + 1 : n);
    return part;
}

/* Copy into a char array of its size; false when it does not fit or is empty. */
static bool
copy_word(av_span from, char *to, size_t size)
{
    if (from.n == 0 || from.n >= size)
        return false;
    memcpy(to, from.p, from.n);
    to[from.n] = '\0';
    return true;
}

static bool
parse_mode(av_span word, Archivolt__StartMode *ret)
{
    for (size_t i = 0; i < AV_COUNT(modes); i++)
        if (av_span_eq_str(word, modes[i].word)) {
            *ret = (Archivolt__StartMode)modes[i].value;
            return true;
        }
    return false;
}

static bool
parse_wanted(av_span word, av_wanted *ret)
{
    for (size_t i = 0; i < AV_COUNT(wanted_words); i++)
        if (av_span_eq_str(word, wanted_words[i])) {
            *ret = (av_wanted)i;
            return true;
        }
    return false;
}

static bool
parse_instance(av_span line, av_state *into)
{
    av_state_instance one = { 0 };
    av_span id = take(&line, ' '), sleep;

    if (!av_instance_id_valid(id) || !copy_word(id, one.id, sizeof one.id) || !parse_mode(take(&line, ' '), &one.mode))
        return false;
    sleep = take(&line, ' ');
    one.sleep_allowed = av_span_eq_str(sleep, "sleep");
    if ((!one.sleep_allowed && !av_span_eq_str(sleep, "awake")) || !parse_wanted(take(&line, ' '), &one.wanted) ||
        !av_base_dir_valid(line))
        return false;
    for (size_t i = 0; i < into->instance_count; i++)
        if (strcmp(into->instances[i].id, one.id) == 0)
            return false;
    one.base_dir = av_span_dup(line);
    into->instances = av_xrealloc(into->instances, (into->instance_count + 1) * sizeof *into->instances);
    into->instances[into->instance_count++] = one;
    return true;
}

static bool
parse_worker(av_span line, av_state *into)
{
    av_state_worker one = { 0 };
    av_span run = take(&line, ' ');
    uint8_t raw[AV_HOST_RUN_HEX / 2];

    if (!copy_word(run, one.run, sizeof one.run) || !av_hex_decode(run, raw, sizeof raw) ||
        !av_instance_id_valid(line) || !copy_word(line, one.instance, sizeof one.instance))
        return false;
    into->workers = av_xrealloc(into->workers, (into->worker_count + 1) * sizeof *into->workers);
    into->workers[into->worker_count++] = one;
    return true;
}

static bool
parse_line(av_span line, size_t number, av_state *into)
{
    av_span word;

    if (number == 1)
        return av_span_eq_str(line, HEAD);
    word = take(&line, ' ');
    if (number == 2)
        return av_span_eq_str(word, "boot") && copy_word(line, into->boot, sizeof into->boot);
    if (av_span_eq_str(word, "instance"))
        return parse_instance(line, into);
    return av_span_eq_str(word, "worker") && parse_worker(line, into);
}

av_errc
av_state_parse(av_span text, av_state *ret, av_error *err)
{
    av_state state = { 0 };
    size_t number = 0;

    while (text.n > 0) {
        bool whole = av_span_find(text, '\n') < text.n;
        av_span line = take(&text, '\n');

        number++;
        if (!whole || number > LINES_MAX || !parse_line(line, number, &state)) {
            av_state_release(&state);
            return av_error_set(err, AV_ERR_CORRUPT, "line %zu cannot be read", number);
        }
    }
    if (number < 2) {
        av_state_release(&state);
        return av_error_set(err, AV_ERR_CORRUPT, "the first lines are missing");
    }
    *ret = state;
    return AV_OK;
}

void
av_state_release(av_state *self)
{
    for (size_t i = 0; i < self->instance_count; i++)
        free((char *)(uintptr_t)self->instances[i].base_dir);
    free(self->instances);
    free(self->workers);
    *self = (av_state){ 0 };
}

void
av_state_write_head(av_buf *out, const char *boot)
{
    (void)av_buf_printf(out, HEAD "\nboot %s\n", boot);
}

void
av_state_write_instance(av_buf *out, const av_state_instance *instance)
{
    const char *mode = "";

    for (size_t i = 0; i < AV_COUNT(modes); i++)
        if (modes[i].value == (int)instance->mode)
            mode = modes[i].word;
    (void)av_buf_printf(out, "instance %s %s %s %s %s\n", instance->id, mode,
        instance->sleep_allowed ? "sleep" : "awake", wanted_words[instance->wanted], instance->base_dir);
}

void
av_state_write_worker(av_buf *out, const av_state_worker *worker)
{
    (void)av_buf_printf(out, "worker %s %s\n", worker->run, worker->instance);
}

void
av_state_boot(char ret[64])
{
    AV_CLEANUP(av_buf_release) av_buf text = { 0 };
    av_error err;
    av_span id;

    av_buf_init(&text, 64);
    if (av_file_read_all("/proc/sys/kernel/random/boot_id", &text, &err) != AV_OK)
        av_buf_clear(&text);
    id = av_span_trim(av_buf_span(&text));
    if (!copy_word(id, ret, 64))
        (void)snprintf(ret, 64, "unknown");
}
