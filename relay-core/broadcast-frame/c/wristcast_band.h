/* The broadcast frame of wristcast, for firmware: hears adverts, says what the lamps do.
 *
 * Link with libwristcast_band.a:
 *     cargo build --release -p wristcast-band-c --target thumbv7em-none-eabi
 *
 * Times are milliseconds of any free-running count, which may run over; they may come out of order by up to a second,
 * as from an interrupt. No function allocates, blocks or
 * fails; calls for one band must not overlap. docs/broadcast-frame.md is the specification. */
#ifndef WRISTCAST_BAND_H
#define WRISTCAST_BAND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A wristband. Its content is its own business; zeroing it does not make one, wristcast_band_init does. */
#define WRISTCAST_BAND_WORDS 64
typedef struct {
    uint64_t opaque[WRISTCAST_BAND_WORDS / 2];
} wristcast_band;

/* What became of an advert. */
enum wristcast_heard {
    WRISTCAST_NEW = 0,             /* a new look for this band's group */
    WRISTCAST_KNOWN = 1,           /* of this show, and nothing new */
    WRISTCAST_NOT_A_FRAME = 16,    /* none of ours */
    WRISTCAST_OTHER_SHOW = 17,     /* of another show */
    WRISTCAST_UNAUTHENTICATED = 18, /* the band has a key, the frame no code */
    WRISTCAST_FORGED = 19,         /* its code is wrong */
    WRISTCAST_REPLAYED = 20,       /* too old: someone may have kept it */
    WRISTCAST_FUTURE = 21          /* from a time to come */
};

/* Switches a band on: dark, without a key. company: identifier of the adverts, 0xFFFF for tests. */
void wristcast_band_init(wristcast_band *band, uint16_t company, uint16_t show, uint16_t group);

/* The key of the show, 16 bytes: from now on only frames with its code count. */
void wristcast_band_set_key(wristcast_band *band, const uint8_t key[16]);

/* The key that may follow; the first frame with its code puts the one in use out of use. */
void wristcast_band_set_next_key(wristcast_band *band, const uint8_t key[16]);

/* Moves the band to another group. */
void wristcast_band_set_group(wristcast_band *band, uint16_t group);

/* Takes the advertising data of one advert, legacy, extended or periodic, heard at now_ms. Gives an enum
 * wristcast_heard. */
int wristcast_band_advert(wristcast_band *band, uint32_t now_ms, const uint8_t *data, size_t len);

/* What the lamps do at now_ms: red, green, blue, white, 0 to 255. Ask as often as they can change. */
void wristcast_band_light(wristcast_band *band, uint32_t now_ms, uint8_t rgbw[4]);

/* Whether nothing was heard for so long that the band has fallen back: 0 or 1. For a power-saving scan, ask
 * wristcast_band_light first. */
int wristcast_band_has_fallen_back(const wristcast_band *band);

#ifdef __cplusplus
}
#endif

#endif
