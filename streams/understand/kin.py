"""Close relatives told apart by words and letters that only one of them has. Pure.

Statistical detectors mix them on a headline; a reader looks for one word. Frequent words of news
come first: what a headline about the sky, the police and the government cannot do without.
"""

from __future__ import annotations

import re

#: Stems (with `*`) and words that a language has and one of its relatives at least has not.
_OWN: dict[str, str] = {
    "hr": "zrakoplov* zračn* luk* letjelic* zaplijen* promet* tužitelj* poriče plaž* sajm* zračni predsjedni* gdje poslije prije tko netko tjedn* tisuć* vrijeme vijest* uvjet*"
    " izvješ* priopć* obavijest* tvrtk* vlak* siječnj* veljač* ožujk* travnj* svibnj* lipnj* srpnj* kolovoz* rujn*"
    " listopad* studenog* prosinc* europ* europsk* sigurnos* njemačk* rumunjsk* nizozemsk* španjolsk* postrojb* obran*"
    " vijeće susjed* uhiti* uhićen* nadzir* rijek* svjet* članak članku članka vojarn* promet* latvij* litv* bjelorus*"
    " vježb* ponovno münchen* također dio dijel* mjesec* obitelj* općin* točno tvrdnj* teritorij* zapovjedni* zračnog"
    " ministarstvo kolovoza glasnogovorni* sjećanj* obljetnic* grad kabel* tisuće srušila",
    "bs": "avion* aerodrom* zračn* letjelic* predsjedni* gdje poslije prije sedmic* hiljad* vrijeme vijest* januar*"
    " februar* mart* august* septemb* oktob* novemb* decemb* evrop* sigurnos* njemačk* rumunij* holand* odbran* vijeće"
    " susjed* uhapšen* uhapsi* rijek* svjet* član članu člana kasarn* saobraćaj* latvij* litvanij* litv* bjelorus*"
    " vježb* ponovo minhen* također dio dijel* mjesec* porodic* općin* historij* obavijest* saopć* saopšt* sjećanj*"
    " teritorij* zapovjedni* sarajev* bih uposleni* istrag* navod*",
    "sr": "avion* aerodrom* vazdu* letelic* predsedni* gde posle pre nedelj* hiljad* vreme vest* uslov* saopšt* izvešt*"
    " obavešt* januar* februar* mart* avgust* septemb* oktob* novemb* decemb* evrop* bezbedn* nemačk* rumunij* holand*"
    " odbran* sused* uhapšen* uhapsi* reke reku reci svet* svets* član članu člana kasarn* saobraćaj* letonij* litvanij*"
    " belorus* vežb* ponovo minhen* takođe deo dela delov* mesec* porodic* opštin* seća* sećanj* komandan* mesto mesta"
    " mestu istrag* navod* teritorij* prestonic* verovatno",
    "nb": "*ø* *æ* ikke fra hva hvem hvor hvorfor ble blitt etter luftrom* flyplass* noen sier regjeringen utenriks* utenfor av"
    " stengt observert observasjon* krenk* krenkelse* varsler ut opp styrtet styrter droner dronene dronen latvia"
    " hviterussland soldater lørdag uke uker øvelse dømt mot russiske skutt fly flyr fløy grensen norge norske kampfly"
    " luftvern sjøkabel skadet mistenkt skyte skjøt skyter funnet jorde vrakdel* *observasjon* grensa gikk stanset eget meldte avviser innrømmer fortsatt leter igjen inn en et være på ballonger trafikken vil svar natt til aldri bøte* bøtelagt måke* observert",
    "nn": "*ø* *æ* ikkje frå kva kven kvar kvifor korleis noreg norske vart vorte etter eit dei luftrom* flyplass* hjå berre nokon"
    " nokre seier regjeringa utanriks* utanfor av stengt stengd krenk* krenking* krenkinga ut opp styrta styrtar dronar*"
    " dronane dronen latvia kviterussland soldatar laurdag veke veker veka øving* dømd dømde medan saman heile vere verte"
    " fleire utan meir flaug flyg grensa ramma åtvar* vengene att leitar framleis kallar kjem vore russiske kampfly"
    " luftvern skodda inn fordømer melde melder politiet ho ein vil svar natt til aldri observert skodda tysdag aust på att *gde litauisk vrakdel* funne *ane",
    "da": "*ø* *æ* ikke af fra efter lufthavn* hvad hvem hvor hvorfor blev blevet nogle nogen siger regeringen udenrigs* uden"
    " udenfor luftrum* krænk* mellem styrtede styrter styrtet droner dronerne dronen letland hviderusland belarus"
    " soldater lørdag uge uger øvelse dømt mod russiske skudt skød fly flyver flyve fløj grænse* danmark danske dansk også"
    " københavn* flere set ved sagde undersøger meget beskylder formentlig kampfly* luftforsvar* søkabel enige fløj"
    " nægter afviser indrømmer fortsat leder igen ind en et være på *ede halv vil svar nat aldrig faldt have bøde* måge*",
    "bg": "във със което която който които след дали няма беше бяха въздуш* сваля* свален* отбраната заяви съобщи полша"
    " румъния българ* летищ* дронове дронът тази това самолет* нарушиха министърът прелетя* разрешение край навлязоха *ха свиква естонск* минути",
    "ru": "*ами *ого *ому *его *ые *ых *ой *ый за из под что как это все для от при с в по не самолет* аэропорт* беспилотник* дроны дронов воздушн* стоит",
    "mk": "кружел* летал* минути романија паралис* *јата во дека кои кој која што беа беше воздуш* собор* министерот одбрана изјави соопшти полска романија македон*"
    " аеродром* дронови дронот оваа ова со ќе од откако авион* прекинат треба руските кај",
    "sv": "*ö* *ä* och är från inte efter att som drönare* luftrum* kränk* flygplats* rysk* svensk* försvarsmakten ett"
    " ned sett enligt regeringen även kvar säger en på av för hitta* vill svar natt aldrig",
    "nl": "van het een voor niet naar boven uit zijn wordt worden luchtruim* vliegveld* luchthaven* estisch* pools* schend*"
    " geschonden ballonnen onze hun deze door tegen ook nog maar volgens vliegtuig* grens bij met dit dat deed heeft leggen legt bleken sterren boven stil stilgelegd op vliegverkeer",
    "de": "und der die das von nach über für nicht wird werden ist im am auf aus zur zum dem eine einer drohne* luftraum*"
    " flughafen* estnisch* polnisch* verletz* ballons unsere ihre diese durch gegen auch noch aber laut grenze hat *ß* bei mit",
    "cs": "*ě* *ř* *ů* který* která* ve ze se bylo byl jsou také jako podle letiště prostor* nad dron* že po policie policisté ho kvůli při před přes letoun* ruské zem* dál její odsoudil* znovu zřítil* spadl našli území vláda letadel noci létal* tři strážní* skladem jsme náš policist*",
    "sk": "*ľ* *ĺ* *ŕ* *ô* ktor* vo zo sa bolo bol sú aj ako podľa letisko* letisk* priestor* nad dron* že po pre lety museli polícia ho pri pred cez lietadl* krajin* opäť zrútil* spadol našli vláda boli bola keď ruské dronov dronom uzavreli morom sprevád* lietal* troch tri strážni* skladom sú boli privolal* popiera* jej odsúdil* *ónsk* stíhačky noci nás náš vrtuľn*",
    "en": "the of with after says was were their into and airspace flights at hands stray warns hits by this that its envoy summons ambassador investigat* seen close planes",
    "it": "il lo gli di del della dei delle degli nel nella con per che è sono dopo sopra jet russi droni sul sulla dal dalla ha hanno più",
    "fr": "le les des du au aux dans après et est par pour avec russes une sur ont *eaux *ée *és où été plus",
    "es": "*ñ* *ción *ciones el los las del en dos se y la un una hasta tráfico *iesan rumanía *dad *uelos *uelo ruso rusa rusas fue ya después no también avión aviones autoridades gobierno según tras sobre por con una espacio aéreo rusos polonia",
    "pt": "ao um uma no pelo pela causa tráfego parado rússia rumo mais foi são estão até já depois não também avião aviões autoridades governo *ã* *õ* *ç* o os as do da dos das em na nas nos dois duas e segundo após sobre por com uma espaço aéreo russos polónia letónia polônia",
}  # fmt: skip
_PATTERNS = {
    tag: re.compile(
        "(?<!\\w)(?:"
        + "|".join(re.escape(word).replace(r"\*", r"\w*") for word in words.split())
        + ")(?!\\w)"
    )
    for tag, words in _OWN.items()
}


#: Languages that a detector mixes on a headline.
KIN = (
    frozenset({"hr", "sr", "bs"}),
    frozenset({"nb", "nn", "da", "sv"}),
    frozenset({"bg", "mk"}),
    frozenset({"nl", "de"}),
    frozenset({"cs", "sk"}),
    frozenset({"es", "pt"}),
)


#: Farther ones: asked only when the detector is unsure.
COUSINS = (
    frozenset({"en", "nl", "de", "nb", "nn", "da", "sv"}),
    frozenset({"ru", "mk"}),
    frozenset({"it", "fr"}),
)


def closest(family: frozenset[str], low: str, best: str) -> tuple[str, bool]:
    """Return the relative that a text has most words of, and whether no other has as many.

    Args:
        family: Tags of close relatives.
        low: The text in small letters, accents kept.
        best: What the detector says; stays when no other has more.
    """
    counted = {tag: len(_PATTERNS[tag].findall(low)) for tag in family}
    most = max(counted.values())
    is_alone = sum(count == most for count in counted.values()) == 1
    if counted[best] == most:
        return best, is_alone
    return max(counted, key=lambda tag: (counted[tag], tag)), is_alone
