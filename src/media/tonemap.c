#include "media/tonemap.h"

#include <math.h>
#include <stdlib.h>

enum { CODES = 4096, LEVELS = 16384, GAINS = 4096 };
static const double white_nits = 203.0; /* BT.2408 */
static const double hlg_peak_nits = 1000.0;

struct ori_tonemap {
    enum ori_transfer transfer;
    bool is_wide;
    float light[CODES + 1]; /* by code: cd/m2 for PQ, scene light for HLG */
    float gain[GAINS + 1];  /* by the fourth root of light / top: SDR light per cd/m2 */
    float top_nits;
    uint8_t code[LEVELS + 1]; /* by SDR light 0..1 */
};

/* BT.2100 table 4. */
static const double pq_m1 = 2610.0 / 16384.0;
static const double pq_m2 = 2523.0 / 4096.0 * 128.0;
static const double pq_c1 = 3424.0 / 4096.0;
static const double pq_c2 = 2413.0 / 4096.0 * 32.0;
static const double pq_c3 = 2392.0 / 4096.0 * 32.0;

double ori_pq_to_nits(double code)
{
    double root = pow(code, 1.0 / pq_m2);
    double above = root - pq_c1;
    return above <= 0.0 ? 0.0 : 10000.0 * pow(above / (pq_c2 - pq_c3 * root), 1.0 / pq_m1);
}

double ori_pq_from_nits(double nits)
{
    double power = pow(nits / 10000.0, pq_m1);
    return pow((pq_c1 + pq_c2 * power) / (1.0 + pq_c3 * power), pq_m2);
}

/* BT.2100 table 5, inverse OETF. */
double ori_hlg_to_scene(double code)
{
    const double a = 0.17883277;
    const double b = 1.0 - 4.0 * a;
    const double c = 0.5 - a * log(4.0 * a);
    return code <= 0.5 ? code * code / 3.0 : (exp((code - c) / a) + b) / 12.0;
}

/* Hermite spline between the knee and the peak, in PQ code values relative to the peak's. */
double ori_tone_curve(double nits, double peak_nits, double to_nits)
{
    if (peak_nits <= to_nits)
        return nits < to_nits ? nits : to_nits;
    double peak = ori_pq_from_nits(peak_nits);
    double most = ori_pq_from_nits(to_nits) / peak;
    double knee = 1.5 * most - 0.5;
    double code = ori_pq_from_nits(nits) / peak;
    if (code >= 1.0)
        return to_nits;
    if (code < knee)
        return nits;
    double t = (code - knee) / (1.0 - knee);
    double t2 = t * t;
    double t3 = t2 * t;
    double mapped = (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) +
                    (-2.0 * t3 + 3.0 * t2) * most;
    return ori_pq_to_nits(mapped * peak);
}

static double srgb_encode(double light)
{
    return light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1.0 / 2.4) - 0.055;
}

static void fill_tables(struct ori_tonemap *tonemap, double peak_nits)
{
    for (int i = 0; i <= CODES; i++) {
        double code = (double)i / CODES;
        tonemap->light[i] = (float)(tonemap->transfer == ORI_TRANSFER_PQ ? ori_pq_to_nits(code)
                                                                         : ori_hlg_to_scene(code));
    }
    for (int i = 0; i <= GAINS; i++) {
        double nits = pow((double)i / GAINS, 4.0) * tonemap->top_nits;
        double mapped = ori_tone_curve(nits, peak_nits, white_nits);
        tonemap->gain[i] = (float)(nits > 0.0 ? mapped / nits / white_nits : 1.0 / white_nits);
    }
    for (int i = 0; i <= LEVELS; i++)
        tonemap->code[i] = (uint8_t)lround(255.0 * srgb_encode((double)i / LEVELS));
}

ori_status ori_tonemap_create(enum ori_transfer transfer, double peak_nits, bool is_wide,
                              struct ori_tonemap **ret_tonemap, struct ori_error *err)
{
    struct ori_tonemap *tonemap = calloc(1, sizeof *tonemap);
    if (!tonemap)
        return ori_error_set(err, ORI_NOMEM, "tone mapping tables");
    if (!(peak_nits > 0.0))
        peak_nits = 1000.0;
    peak_nits = fmin(fmax(peak_nits, white_nits), 10000.0);
    tonemap->transfer = transfer;
    tonemap->is_wide = is_wide;
    tonemap->top_nits = transfer == ORI_TRANSFER_PQ ? 10000.0f : (float)hlg_peak_nits;
    fill_tables(tonemap, transfer == ORI_TRANSFER_PQ ? peak_nits : hlg_peak_nits);
    *ret_tonemap = tonemap;
    return ORI_OK;
}

void ori_tonemap_destroy(struct ori_tonemap **tonemap)
{
    free(*tonemap);
    *tonemap = NULL;
}

static float light_of(const struct ori_tonemap *tonemap, uint16_t code)
{
    float at = (float)code * (CODES / 65535.0f);
    int low = (int)at;
    if (low >= CODES)
        return tonemap->light[CODES];
    float part = at - (float)low;
    return tonemap->light[low] + part * (tonemap->light[low + 1] - tonemap->light[low]);
}

/* BT.2100 table 5: OOTF with system gamma 1.2, on the luminance of BT.2020. */
static void hlg_display(float rgb[3])
{
    float luminance = 0.2627f * rgb[0] + 0.6780f * rgb[1] + 0.0593f * rgb[2];
    float scale = (float)hlg_peak_nits * powf(luminance, 0.2f);
    for (int c = 0; c < 3; c++)
        rgb[c] *= scale;
}

static float gain_of(const struct ori_tonemap *tonemap, const float rgb[3])
{
    float most = fmaxf(rgb[0], fmaxf(rgb[1], rgb[2]));
    float at = sqrtf(sqrtf(most / tonemap->top_nits)) * GAINS;
    int low = (int)at;
    if (low >= GAINS)
        return tonemap->gain[GAINS];
    float part = at - (float)low;
    return tonemap->gain[low] + part * (tonemap->gain[low + 1] - tonemap->gain[low]);
}

/* BT.2087: linear light, BT.2020 primaries to BT.709. */
static void to_narrow(float rgb[3])
{
    float r = 1.6605f * rgb[0] - 0.5876f * rgb[1] - 0.0728f * rgb[2];
    float g = -0.1246f * rgb[0] + 1.1329f * rgb[1] - 0.0083f * rgb[2];
    float b = -0.0182f * rgb[0] - 0.1006f * rgb[1] + 1.1187f * rgb[2];
    rgb[0] = r;
    rgb[1] = g;
    rgb[2] = b;
}

void ori_tonemap_row(const struct ori_tonemap *tonemap, const uint16_t *from, uint8_t *to,
                     int width)
{
    for (int x = 0; x < width; x++) {
        float rgb[3];
        for (int c = 0; c < 3; c++)
            rgb[c] = light_of(tonemap, from[3 * x + c]);
        if (tonemap->transfer == ORI_TRANSFER_HLG)
            hlg_display(rgb);
        float gain = gain_of(tonemap, rgb);
        if (tonemap->is_wide)
            to_narrow(rgb);
        for (int c = 0; c < 3; c++) {
            float level = rgb[c] * gain * LEVELS + 0.5f;
            to[3 * x + c] = tonemap->code[level <= 0.0f     ? 0
                                          : level >= LEVELS ? LEVELS
                                                            : (int)level];
        }
    }
}
