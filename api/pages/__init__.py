"""The pages for people: verdict first, zh-CN and English, without JavaScript."""
