/* Reads vectors of docs/broadcast-frame.md as a band of group 0 would: one argument, the bytes of a frame. Prints
 * what became of it and the light. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wristcast_band.h"

int main(int argc, char **argv)
{
    uint8_t key[16], advert[255], lamps[4];
    size_t len = 4;
    uint8_t *exact;
    wristcast_band band, other;
    uint16_t show = (uint16_t)strtoul(argv[1], NULL, 10), group = (uint16_t)strtoul(argv[2], NULL, 10);
    int authenticated = argv[3][0] == '1', heard;
    uint32_t later = 2000;

    for (int i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (int i = 4; i < argc && len < sizeof advert; i++)
        advert[len++] = (uint8_t)strtoul(argv[i], NULL, 16);
    advert[0] = (uint8_t)(len - 1);
    advert[1] = 0xFF;
    advert[2] = advert[3] = 0xFF;

    memset(&band, 0xAA, sizeof band);
    wristcast_band_init(&band, 0xFFFF, show, group);
    if (authenticated)
        wristcast_band_set_key(&band, key);
    /* In memory of their own length, so that a sanitizer sees what is read beyond: this, and what a
     * controller may cut off it. */
    wristcast_band_init(&other, 0xFFFF, show, group);
    for (size_t cut = 1; cut < len; cut++) {
        exact = malloc(cut);
        memcpy(exact, advert, cut);
        wristcast_band_advert(&other, 10, exact, cut);
        free(exact);
    }
    exact = malloc(len);
    memcpy(exact, advert, len);
    heard = wristcast_band_advert(&band, 10, exact, len);
    free(exact);
    if (wristcast_band_has_fallen_back(&band))
        return 1;
    if (wristcast_band_advert(&band, 10, NULL, 0) != WRISTCAST_NOT_A_FRAME)
        return 2;
    wristcast_band_light(&band, later, lamps);
    printf("%d %u %u %u %u\n", heard, lamps[0], lamps[1], lamps[2], lamps[3]);
    return 0;
}
