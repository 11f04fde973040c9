/*
 * wire.h - what the owner of attachments and the program that reads them (archivolt-extract) say to each other
 *
 * A unix socket pair of packets. Asked: one av_extract_request with two descriptors: a sealed memory file with the
 * document, a memory file for the text. Answered: one av_extract_answer when the helper process is gone. One at a
 * time. Both ends are of one build (they lie in one folder), so these are plain structs; `magic` guards against
 * another build.
 */
#ifndef AV_STORAGE_EXTRACT_WIRE_H
#define AV_STORAGE_EXTRACT_WIRE_H

#include "storage/extract/kind.h"

#define AV_EXTRACT_MAGIC   0x31585641u /* AVX1 */
#define AV_EXTRACT_PROGRAM "archivolt-extract"
#define AV_EXTRACT_MESSAGE 200

typedef struct av_extract_request {
    uint32_t magic;
    uint32_t kind; /* av_kind */
    uint64_t input_bytes;
    uint64_t text_bytes, unpacked_bytes, memory_bytes;
    uint32_t cpu_s, wall_s, depth;
    uint32_t skip_pdf_files; /* 1: leave out files inside PDF files */
} av_extract_request;

typedef struct av_extract_answer {
    uint32_t magic;
    uint32_t code;                    /* av_errc */
    char message[AV_EXTRACT_MESSAGE]; /* for AV_OK empty */
    uint32_t died;                    /* 1: crashed, or was killed */
    uint64_t cpu_us, peak_bytes;      /* of the helper process */
} av_extract_answer;

#endif
