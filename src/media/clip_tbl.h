/* media/clip_tbl.h: words of VP_CROP_PRESET and VP_CROP_TUNE, and what each is for the encoder in
 * use: its own where it has one of that name, else the nearest.
 * ORI_CLIP_PRESET_ROW("word", "of NVENC", "of x264 and x265")
 * ORI_CLIP_TUNE_ROW("word", "of NVENC", "of x264", "of x265", "further parameters of x265")
 * Where x265 lacks a tune of x264, the parameters are what that tune sets in x264. The order is that
 * of the words in config/settings_tbl.h; docs/output.md shows the table. The file is included more
 * than once on purpose. */
#ifndef ORI_CLIP_PRESET_ROW
#define ORI_CLIP_PRESET_ROW(word, nvenc, x26x)
#endif
#ifndef ORI_CLIP_TUNE_ROW
#define ORI_CLIP_TUNE_ROW(word, nvenc, x264, x265, x265_more)
#endif

ORI_CLIP_PRESET_ROW("p1", "p1", "ultrafast")
ORI_CLIP_PRESET_ROW("p2", "p2", "veryfast")
ORI_CLIP_PRESET_ROW("p3", "p3", "fast")
ORI_CLIP_PRESET_ROW("p4", "p4", "medium")
ORI_CLIP_PRESET_ROW("p5", "p5", "slow")
ORI_CLIP_PRESET_ROW("p6", "p6", "slower")
ORI_CLIP_PRESET_ROW("p7", "p7", "veryslow")
ORI_CLIP_PRESET_ROW("ultrafast", "p1", "ultrafast")
ORI_CLIP_PRESET_ROW("superfast", "p1", "superfast")
ORI_CLIP_PRESET_ROW("veryfast", "p2", "veryfast")
ORI_CLIP_PRESET_ROW("faster", "p3", "faster")
ORI_CLIP_PRESET_ROW("fast", "p3", "fast")
ORI_CLIP_PRESET_ROW("medium", "p4", "medium")
ORI_CLIP_PRESET_ROW("slow", "p5", "slow")
ORI_CLIP_PRESET_ROW("slower", "p6", "slower")
ORI_CLIP_PRESET_ROW("veryslow", "p7", "veryslow")

ORI_CLIP_TUNE_ROW("hq", "hq", "", "", "")
ORI_CLIP_TUNE_ROW("ll", "ll", "zerolatency", "zerolatency", "")
ORI_CLIP_TUNE_ROW("ull", "ull", "zerolatency,fastdecode", "zerolatency",
                  ":no-deblock=1:no-sao=1:no-weightp=1:no-weightb=1:no-b-intra=1")
ORI_CLIP_TUNE_ROW("lossless", "lossless", "", "", ":lossless=1")
ORI_CLIP_TUNE_ROW("film", "hq", "film", "", ":deblock=-1,-1")
ORI_CLIP_TUNE_ROW("animation", "hq", "animation", "animation", "")
ORI_CLIP_TUNE_ROW("grain", "hq", "grain", "grain", "")
ORI_CLIP_TUNE_ROW("stillimage", "hq", "stillimage", "", ":deblock=-3,-3:aq-strength=1.2")
ORI_CLIP_TUNE_ROW("fastdecode", "hq", "fastdecode", "fastdecode", "")
ORI_CLIP_TUNE_ROW("zerolatency", "ull", "zerolatency", "zerolatency", "")
ORI_CLIP_TUNE_ROW("psnr", "hq", "psnr", "psnr", "")
ORI_CLIP_TUNE_ROW("ssim", "hq", "ssim", "ssim", "")

#undef ORI_CLIP_PRESET_ROW
#undef ORI_CLIP_TUNE_ROW
