/*
 * api_priv.h - inside of the Management API: one request as a job
 *
 * A job lives as long as its HTTP request: made when the request is complete, freed when its last byte is sent. Between
 * them: login (auth.h), one or two bus calls, the answer. When the client goes away the calls are cancelled.
 */
#ifndef AV_GATEWAY_API_PRIV_H
#define AV_GATEWAY_API_PRIV_H

#include "base/map.h"
#include "gateway/api/api.h"
#include "gateway/api/auth.h"
#include "gateway/api/envelope.h"
#include "gateway/api/names.h"
#include "gateway/api/token.h"
#include "gateway/http/basic.h"
#include "gateway/http/form.h"

struct av_api {
    av_gateway *gateway;
    av_api_auth *auth;
    av_api_names *names;
    av_http_site site;
    uint8_t token_key[AV_API_TOKEN_KEY];
    av_buf metadata;  /* get-metadata's answer, made once */
    uint64_t jobs;    /* at work, of the setting api_calls */
    av_map *per_user; /* administrator -> uint64_t jobs at work, never 0 */
};

typedef struct av_api_job av_api_job;

typedef struct av_api_route {
    const char *path;
    bool is_prefix; /* the rest of the path is an argument */
    bool allows_get;
    void (*run)(av_api_job *job); /* logged in, form parsed; answers now or later */
} av_api_route;

struct av_api_job {
    av_api *api;
    av_http_request *request;
    const av_api_route *route;
    const char *argument; /* of a prefix route, points into the request's path */
    av_http_basic login;
    av_buf ticket;
    av_api_wait *wait;
    av_http_form form;
    bool counted, logged_in_again;
    av_call *call;
    const av_method_info *method; /* invoke: what is called; status: what began the operation */
    ProtobufCMessage *body;       /* of the call under way */
    char name[64];                /* invoke: the instance as it was named, in lower case */
    char to[256];                 /* actor of the call under way */
    av_api_token token;           /* status */
    char token_text[AV_API_TOKEN_MAX];
    uint64_t known_version;
};

/* api.c */
/*
 * The actor refused the ticket: log in once more and run the route again. false: that was done already, or the ticket
 * was fresh; nothing happens.
 */
bool av_api_job_log_in_again(av_api_job *self);
/* 401 with the challenge. */
void av_api_job_challenge(av_api_job *self);

/* reply.c */
void av_api_job_envelope(av_api_job *self, const av_api_envelope *envelope);
/* A failed function: HTTP 200 and an envelope that says why. */
void av_api_job_fail(av_api_job *self, const char *sentence);
/* succeeded, with the result (borrowed, may be NULL). */
void av_api_job_succeed(av_api_job *self, const json_t *result);
/* The envelope of an operation of job->token, whose text is token_text. */
void av_api_job_operation(av_api_job *self, const ProtobufCMessage *operation);
/* What the API shows of a reply: the field `result` of the method, the whole message, or NULL for an empty one. */
json_t *av_api_result_of(const av_method_info *method, const ProtobufCMessage *reply);
/* JSON text that is ready. */
void av_api_job_json(av_api_job *self, av_buf *text);

/* The routes. */
void av_api_run_invoke(av_api_job *self);   /* invoke.c */
void av_api_run_metadata(av_api_job *self); /* metadata.c */
void av_api_run_status(av_api_job *self);   /* operations.c */
void av_api_run_cancel(av_api_job *self);

/* metadata.c: the JSON array of all functions with their arguments; a new reference. */
json_t *av_api_metadata(void);

#endif
