"""What the training voices say: common words of many languages, words that sound like them, and syllables."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import lru_cache

WORDS = {
    "en": """
        the of and to a in that it is was for on are as with they be at one have this from or had by not
        but what all were we when your can said there use an each which she do how their if will up
        other about out many then them these so some her would make like him into time has look two more
        write go see number no way could people my than first water been call who oil its now find long
        down day did get come made may part hello thanks please sorry maybe morning evening welcome
        weather problem company business possible remember important together everybody something
        question answer example family mother father brother sister baby puppy apple paper people purple
        happy simple number member summer winter spring autumn money music movie photo phone office
        coffee breakfast dinner table window garden building bridge river mountain village city country
        world state government president policy public service system program project report market
        product price value level power energy science history language story book page letter word
        voice sound picture image color black white green yellow blue brown large small great little
        young early better best big both before between because become believe begin bring build buy put
        pay play plan move walk work talk think thank speak watch wash wish want wait give live leave
        love move prove save serve fact form full five four fifteen fifty forward above about over never
        ever every very several evening thousand hundred seven eleven twelve twenty thirty eight nine
        ten zero today tomorrow yesterday week month year hour minute second school student teacher
        doctor police driver worker farmer leader member support computer internet website account
        password customer order package delivery payment appointment meeting available information
        development environment opportunity responsibility understand communication absolutely probably
        actually usually especially wonderful beautiful comfortable favourite expensive
    """,
    "fr": """
        le la les de des et un une que qui dans pour pas sur avec il elle nous vous ils ce cette mais ou
        est sont bien tout plus bonjour merci beaucoup pouvoir faire être avoir peu peut même puis comme
        quand votre notre leur deux trois quatre cinq six sept huit neuf dix jour matin soir semaine
        mois année homme femme enfant père mère frère soeur maison porte fenêtre rue ville pays monde
        vie temps travail problème question réponse exemple chose place point partie nombre groupe pomme
        pain vin eau beurre fromage poisson viande voiture avion bateau bleu blanc noir rouge vert jaune
        petit grand beau bon mauvais nouveau vieux premier dernier parler penser prendre mettre boire
        manger dormir ouvrir fermer vouloir savoir voir venir partir possible important impossible
        maintenant aujourd'hui demain toujours jamais souvent peut-être vraiment
    """,
    "de": """
        der die das und ich nicht ist wir sie mit auf für aber von zu ein eine dem den auch noch bei bis
        habe haben werden kann man mehr immer schon guten Morgen Abend danke bitte vielleicht möglich
        wichtig zusammen Problem Beispiel Frage Antwort Familie Mutter Vater Bruder Schwester Apfel
        Papier Wasser Brot Butter Milch Haus Fenster Tür Straße Stadt Land Welt Leben Zeit Arbeit Buch
        Bild Wort Stimme Farbe schwarz weiß grün blau braun groß klein jung früh besser schön sprechen
        denken bringen bauen kaufen schreiben lesen hören sehen kommen gehen bleiben geben nehmen essen
        trinken schlafen fünf vier sieben zwölf zwanzig hundert heute morgen gestern Woche Monat Jahr
        Stunde Minute Schule Lehrer Arzt Rechner Programm Unternehmen
    """,
    "es": """
        el la los de que y en un por con no una su para es al lo como más pero sus le ya o este sí
        porque esta muy sin sobre también me hasta hay donde bien bueno hola gracias mañana tarde noche
        problema pregunta respuesta ejemplo familia madre padre hermano hermana manzana papel agua pan
        leche vino casa puerta ventana calle ciudad país mundo vida tiempo trabajo libro palabra voz
        color negro blanco verde azul pequeño grande joven mejor hablar pensar poder poner comprar
        vender escribir leer ver venir beber comer vivir abrir cinco cuatro siete doce veinte cien
        semana mes año hora minuto escuela maestro médico empresa sistema programa posible importante
        juntos siempre nunca quizás ahora después
    """,
    "it": """
        il la di che e un per con non una su sono come ma più anche bene questo quello molto sempre dove
        quando perché prima poi buongiorno grazie prego problema domanda risposta esempio famiglia madre
        padre fratello sorella mela pane acqua vino latte burro casa porta finestra strada città paese
        mondo vita tempo lavoro libro parola voce colore nero bianco verde piccolo grande giovane bello
        parlare pensare potere mettere comprare scrivere leggere vedere venire bere mangiare vivere
        aprire cinque quattro sette dodici venti cento settimana mese anno ora minuto scuola amico
        possibile importante insieme domani oggi ieri
    """,
    "pt": """
        o a de que e do da em um para com não uma os no se na por mais as dos como mas foi ao ele das
        tem seu sua ou ser quando muito nos já está também pelo pela até isso ela entre depois sem mesmo
        aos bom dia obrigado problema pergunta resposta família mãe pai irmão água pão leite casa porta
        janela rua cidade mundo vida tempo trabalho livro palavra voz cor preto branco verde pequeno
        grande jovem melhor falar pensar poder comprar escrever ver beber comer viver abrir cinco quatro
        sete doze vinte cem semana mês ano
    """,
    "nl": """
        de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog wel naar
        uit goedemorgen dank alsjeblieft vraag antwoord voorbeeld familie moeder vader broer zus appel
        papier water brood boter melk huis deur raam straat stad land wereld leven tijd werk boek beeld
        woord stem kleur zwart wit groen blauw bruin groot klein jong beter mooi spreken denken brengen
        bouwen kopen schrijven lezen
    """,
    "pl": """
        i w na z do to nie że się jest o co po ale jak za czy dla był tak może przez dzień dobry
        dziękuję proszę problem pytanie odpowiedź przykład rodzina matka ojciec brat siostra jabłko
        papier woda chleb masło mleko dom drzwi okno ulica miasto kraj świat życie czas praca książka
        obraz słowo głos kolor czarny biały zielony niebieski duży mały młody lepszy piękny mówić myśleć
        budować kupić pisać czytać widzieć
    """,
    "sv": """
        och i att det som en på är av för med till den har de inte om ett men var jag han hon vi du kan
        så god morgon tack fråga svar exempel familj mamma pappa bror syster äpple papper vatten bröd
        smör mjölk hus dörr fönster gata stad land värld liv tid arbete bok bild ord röst färg svart vit
        grön blå stor liten ung bättre vacker tala tänka bygga köpa skriva läsa se komma gå ge ta äta
        dricka sova fem fyra sju tolv
    """,
    "tr": """
        ve bir bu da de için ile çok ne var daha gibi ama en kadar sonra merhaba teşekkür günaydın soru
        cevap örnek aile anne baba kardeş elma kağıt su ekmek süt ev kapı pencere sokak şehir ülke dünya
        hayat zaman iş kitap resim kelime ses renk siyah beyaz yeşil mavi büyük küçük genç güzel
        konuşmak düşünmek yapmak almak yazmak okumak görmek gelmek gitmek vermek yemek içmek uyumak beş
        dört yedi on yirmi yüz bugün yarın
    """,
    "id": """
        yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa
        ada mereka lebih kata sudah atau saat oleh menjadi orang selamat pagi terima kasih masalah
        pertanyaan jawaban contoh keluarga ibu bapak kakak adik apel kertas air roti susu rumah pintu
        jendela jalan kota negara dunia hidup waktu kerja buku gambar suara warna hitam putih hijau biru
        besar kecil muda baik bicara pikir
    """,
}
"""Language code before the first hyphen -> words; written for this project."""

_KANA = [
    *"あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん",
    *"がぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ",
    *("きょ", "しゃ", "しゅ", "ちゃ", "ちょ", "びょ", "みゃ", "ぴゃ", "まん", "ぱん", "べん"),
]
_DEVANAGARI = (list("कखगघचछजझटठडढतथदधनपफबभमयरलवशसहपबमपबम"), ["", *"ािीुूेैोौं"])
_CYRILLIC = (list("бвгджзклмнпрстфхцчшбмп"), list("аеиоуяюыэё"))
_ARABIC = (list("بتثجحخدرزسشصطعغفقكلمنهويبم"), ["ا", "\u064e", "و", "\u064f", "ي", "\u0650"])
_PINYIN = (
    [*"bpmfdtnlgkhjqxrzcsbpm", "zh", "ch", "sh"],
    ["a", "o", "e", "ai", "ei", "ao", "ou", "an", "en", "ang", "eng", "i", "u", "ia", "ie", "iao", "iu",
     "ian", "in", "iang", "ing", "ua", "uo", "uai", "ui", "uan", "un", "uang", "ong"],
)  # fmt: skip
_LATIN = ([*"bpmfvtdnlrszkghjwmbp", "ch", "sh"], list("aeiouao"))
_SYLLABLES = {
    "hi": _DEVANAGARI,
    "ru": _CYRILLIC,
    "uk": _CYRILLIC,
    "bg": _CYRILLIC,
    "ar": _ARABIC,
    "cmn": _PINYIN,
}

INVENTED, MADE_UP = 0.5, 0.1
"""Of the words in a language with a list: how many are invented after it, how many made of any syllables."""


def sentence(language: str, chance: random.Random) -> str:
    """A sentence of four to eleven words without a sense."""
    words = [_word(language.split("-")[0], chance) for _ in range(chance.randint(4, 11))]
    for i in range(len(words) - 1):
        if chance.random() < 0.1:
            words[i] += ","
    return " ".join(words) + chance.choice("...?!")


def _word(language: str, chance: random.Random) -> str:
    kind = chance.random() if language in WORDS else 0
    if kind < MADE_UP:
        return _made_up(language, chance)
    return (
        _invented(language, chance) if kind < MADE_UP + INVENTED else chance.choice(WORDS[language].split())
    )


def _invented(language: str, chance: random.Random) -> str:
    """A word whose letters follow one another as in the words of the language."""
    word = ""
    while not 3 <= len(word) <= 12:
        word, follow = "", chance.choice(_followers(language)[""])
        while follow:
            word += follow
            follow = chance.choice(_followers(language)[word[-2:]])
    return word


@lru_cache(maxsize=32)
def _followers(language: str) -> dict[str, list[str]]:
    """The last two letters of a beginning -> letters that come next, "" for the end, as often as they do."""
    found = defaultdict(list)
    for word in WORDS[language].lower().split():
        for i in range(len(word) + 1):
            found[word[max(0, i - 2) : i]].append(word[i : i + 1])
    return found


def _made_up(language: str, chance: random.Random) -> str:
    if language == "ja":
        return "".join(chance.choice(_KANA) for _ in range(chance.randint(2, 5)))
    if language == "ko":
        return "".join(_hangul(chance) for _ in range(chance.randint(1, 4)))
    consonants, vowels = _SYLLABLES.get(language, _LATIN)
    text = ""
    for _ in range(chance.randint(1, 4)):
        text += chance.choice(consonants) + chance.choice(vowels)
        if language == "cmn":
            text += str(chance.randint(1, 4))
        elif consonants is _LATIN[0] and chance.random() < 0.2:
            text += chance.choice("nmlrst")
    return text


def _hangul(chance: random.Random) -> str:
    lead, vowel, tail = chance.randrange(19), chance.randrange(21), chance.choice([0, 0, 0, 4, 8, 16, 21])
    return chr(0xAC00 + (lead * 21 + vowel) * 28 + tail)
