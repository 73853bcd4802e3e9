<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="fr" sourcelanguage="en">
 <context>
  <name>CVGL</name>
  <message>
   <source>50 % and 90 % regions</source>
   <translation>Régions à 50 % et 90 %</translation>
  </message>
  <message>
   <source>A Python or virtual environment with cvgl, or a whole command such as ssh host cvgl worker. Left empty, it is found by itself once this was typed in a terminal:</source>
   <translation>Un Python ou un environnement virtuel avec cvgl, ou une commande entière comme ssh host cvgl worker. Laissé vide, il est trouvé tout seul une fois ceci tapé dans un terminal :</translation>
  </message>
  <message>
   <source>About this index</source>
   <translation>À propos de cet index</translation>
  </message>
  <message>
   <source>Algorithms need an engine on this computer; name its Python in the settings.</source>
   <translation>Les algorithmes ont besoin d’un moteur sur cet ordinateur ; indiquez son Python dans les paramètres.</translation>
  </message>
  <message>
   <source>All files</source>
   <translation>Tous les fichiers</translation>
  </message>
  <message>
   <source>Ambiguous: weak evidence</source>
   <translation>Ambigu : indices faibles</translation>
  </message>
  <message>
   <source>Area</source>
   <translation>Zone</translation>
  </message>
  <message>
   <source>Asking the engine</source>
   <translation>Demande au moteur</translation>
  </message>
  <message>
   <source>Bars below the photo, and the ring on the tile: what each direction says for this place (blue) or against it (orange), in hundredths of the score. The dark marks are the mean of the other places.</source>
   <translation>Barres sous la photo et anneau sur le carré : ce que chaque direction dit pour ce lieu (bleu) ou contre lui (orange), en centièmes du score. Les marques sombres sont la moyenne des autres lieux.</translation>
  </message>
  <message>
   <source>Basis and limits</source>
   <translation>Fondements et limites</translation>
  </message>
  <message>
   <source>Bounds</source>
   <translation>Limites</translation>
  </message>
  <message>
   <source>Build tile index</source>
   <translation>Construire un index de tuiles</translation>
  </message>
  <message>
   <source>CRS</source>
   <translation>SCR</translation>
  </message>
  <message>
   <source>CVGL: engine and settings</source>
   <translation>CVGL : moteur et paramètres</translation>
  </message>
  <message>
   <source>CVGL: where photos were taken</source>
   <translation>CVGL : où des photos ont été prises</translation>
  </message>
  <message>
   <source>CVGL: where was this photo taken?</source>
   <translation>CVGL : où cette photo a-t-elle été prise ?</translation>
  </message>
  <message>
   <source>CVGL_PYTHON names {}, which does not exist.</source>
   <translation>CVGL_PYTHON indique {}, qui n'existe pas.</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Annuler</translation>
  </message>
  <message>
   <source>Cancelled</source>
   <translation>Annulé</translation>
  </message>
  <message>
   <source>Candidate #{rank}</source>
   <translation>Candidat n° {rank}</translation>
  </message>
  <message>
   <source>Candidate tiles</source>
   <translation>Tuiles candidates</translation>
  </message>
  <message>
   <source>Candidates</source>
   <translation>Candidats</translation>
  </message>
  <message>
   <source>Candidates
Up and Down to step, A to accept, R to reject, N for a note</source>
   <translation>Candidats
Haut et Bas pour parcourir, A pour accepter, R pour rejeter, N pour une note</translation>
  </message>
  <message>
   <source>Candidates to keep</source>
   <translation>Candidats à garder</translation>
  </message>
  <message>
   <source>Case</source>
   <translation>Dossier</translation>
  </message>
  <message>
   <source>Case saved: {path}</source>
   <translation>Dossier enregistré : {path}</translation>
  </message>
  <message>
   <source>Chance of elsewhere: {outside}.</source>
   <translation>Ailleurs : {outside}.</translation>
  </message>
  <message>
   <source>Check engine</source>
   <translation>Vérifier le moteur</translation>
  </message>
  <message>
   <source>Checking...</source>
   <translation>Vérification...</translation>
  </message>
  <message>
   <source>Choose a point layer, a field and a photo.</source>
   <translation>Choisissez une couche de points, un champ et une photo.</translation>
  </message>
  <message>
   <source>Choose an index (a .cvgl folder)</source>
   <translation>Choisir un index (un dossier .cvgl)</translation>
  </message>
  <message>
   <source>Choose an index to search</source>
   <translation>Choisissez un index où chercher</translation>
  </message>
  <message>
   <source>Choose the field that holds the photos' paths.</source>
   <translation>Choisissez le champ des chemins des photos.</translation>
  </message>
  <message>
   <source>Chosen tile</source>
   <translation>Tuile choisie</translation>
  </message>
  <message>
   <source>Coarse places: side of the square in metres (empty: exact)</source>
   <translation>Lieux approximatifs : côté du carré en mètres (vide : exact)</translation>
  </message>
  <message>
   <source>Comparing with tiles</source>
   <translation>Comparaison avec les tuiles</translation>
  </message>
  <message>
   <source>Confidence</source>
   <translation>Confiance</translation>
  </message>
  <message>
   <source>Copy diagnostics</source>
   <translation>Copier le diagnostic</translation>
  </message>
  <message>
   <source>Cuts orthophotos into overlapping ground squares, describes each, and keeps them in an index folder that photos can be looked up in. Where images overlap, the first wins. Imagery of 0.5 m per pixel or finer is wanted.

Run again on the same folder, it goes on where it was cancelled, or takes in what has changed.</source>
   <translation>Découpe des orthophotos en carrés qui se chevauchent, décrit chacun et les garde dans un dossier d'index où l'on peut chercher des photos. Là où des images se chevauchent, la première l'emporte. Il faut une imagerie d'au plus 0,5 m par pixel.

Relancé sur le même dossier, il reprend après une annulation ou intègre les changements.</translation>
  </message>
  <message>
   <source>Describing the photo</source>
   <translation>Description de la photo</translation>
  </message>
  <message>
   <source>Done</source>
   <translation>Terminé</translation>
  </message>
  <message>
   <source>Drawing</source>
   <translation>Dessin</translation>
  </message>
  <message>
   <source>Drop a street photo here
or click to open one</source>
   <translation>Déposez une photo de rue ici
ou cliquez pour en ouvrir une</translation>
  </message>
  <message>
   <source>E</source>
   <translation>E</translation>
  </message>
  <message>
   <source>EXIF GPS</source>
   <translation>GPS EXIF</translation>
  </message>
  <message>
   <source>EXIF GPS present, not used</source>
   <translation>GPS EXIF présent, non utilisé</translation>
  </message>
  <message>
   <source>EXIF GPS used: {place}</source>
   <translation>GPS EXIF utilisé : {place}</translation>
  </message>
  <message>
   <source>Engine</source>
   <translation>Moteur</translation>
  </message>
  <message>
   <source>Engine and settings...</source>
   <translation>Moteur et paramètres...</translation>
  </message>
  <message>
   <source>Engine at work</source>
   <translation>Moteur au travail</translation>
  </message>
  <message>
   <source>Engine not started</source>
   <translation>Moteur non lancé</translation>
  </message>
  <message>
   <source>Engine ready, {}, offline</source>
   <translation>Moteur prêt, {}, hors ligne</translation>
  </message>
  <message>
   <source>Estimate</source>
   <translation>Estimation</translation>
  </message>
  <message>
   <source>Evidence</source>
   <translation>Indices</translation>
  </message>
  <message>
   <source>Export</source>
   <translation>Exporter</translation>
  </message>
  <message>
   <source>Export findings</source>
   <translation>Exporter les conclusions</translation>
  </message>
  <message>
   <source>Export the finding</source>
   <translation>Exporter la conclusion</translation>
  </message>
  <message>
   <source>False</source>
   <translation>Faux</translation>
  </message>
  <message>
   <source>Field of the photos' paths</source>
   <translation>Champ des chemins des photos</translation>
  </message>
  <message>
   <source>Field of view</source>
   <translation>Angle de champ</translation>
  </message>
  <message>
   <source>Field of view in degrees (empty: what the file says)</source>
   <translation>Angle de champ en degrés (vide : selon le fichier)</translation>
  </message>
  <message>
   <source>Field with the path</source>
   <translation>Champ du chemin</translation>
  </message>
  <message>
   <source>Finding</source>
   <translation>Conclusion</translation>
  </message>
  <message>
   <source>Finds where street photos were taken by matching them to the squares of an index. Give a folder of photos, or a layer with a field that holds their paths.

Every photo becomes a row: a point with verdict, probability, radii and heading, or, where the photo could not be used, a row without a place that says why. A folder for results also gets the GeoJSON, the heatmap and, if wanted, the report of each photo. Photos of one walk (at most 20, in the order they were taken) can be located together: what each shows counts for all.

An estimate is a lead, not proof.</source>
   <translation>Trouve où des photos de rue ont été prises en les comparant aux carrés d'un index. Donnez un dossier de photos, ou une couche avec un champ qui contient leurs chemins.

Chaque photo devient une ligne : un point avec verdict, probabilité, rayons et cap, ou, si la photo n'était pas utilisable, une ligne sans lieu qui dit pourquoi. Un dossier de résultats reçoit aussi le GeoJSON, la carte de chaleur et, si on le souhaite, le rapport de chaque photo. Les photos d'un même parcours (20 au plus, dans l'ordre de la prise de vue) peuvent être localisées ensemble : ce que chacune montre compte pour toutes.

Une estimation est une piste, pas une preuve.</translation>
  </message>
  <message>
   <source>Folder</source>
   <translation>Dossier</translation>
  </message>
  <message>
   <source>Folder for GeoJSON, heatmaps and reports</source>
   <translation>Dossier pour GeoJSON, cartes de probabilité et rapports</translation>
  </message>
  <message>
   <source>Folder of photos</source>
   <translation>Dossier de photos</translation>
  </message>
  <message>
   <source>Folder of results</source>
   <translation>Dossier des résultats</translation>
  </message>
  <message>
   <source>Folder to export to</source>
   <translation>Dossier d'export</translation>
  </message>
  <message>
   <source>Formats</source>
   <translation>Formats</translation>
  </message>
  <message>
   <source>From layer...</source>
   <translation>D'une couche...</translation>
  </message>
  <message>
   <source>GeoJSON...</source>
   <translation>GeoJSON...</translation>
  </message>
  <message>
   <source>Give a folder of photos or a layer of photos.</source>
   <translation>Donnez un dossier ou une couche de photos.</translation>
  </message>
  <message>
   <source>Heading</source>
   <translation>Direction</translation>
  </message>
  <message>
   <source>Heading in degrees, or 'unknown' to search it (empty: what the file says)</source>
   <translation>Direction en degrés, ou 'unknown' pour la chercher (vide : selon le fichier)</translation>
  </message>
  <message>
   <source>Heading of the middle of the photo</source>
   <translation>Direction du milieu de la photo</translation>
  </message>
  <message>
   <source>Heading up</source>
   <translation>Direction en haut</translation>
  </message>
  <message>
   <source>Help</source>
   <translation>Aide</translation>
  </message>
  <message>
   <source>Horizontal field of view of the photo</source>
   <translation>Angle de champ horizontal de la photo</translation>
  </message>
  <message>
   <source>How well headings are known: standard deviation in degrees (empty: exact)</source>
   <translation>Précision des caps : écart type en degrés (vide : exacts)</translation>
  </message>
  <message>
   <source>How well the heading is known: one standard deviation</source>
   <translation>Précision du cap : un écart type</translation>
  </message>
  <message>
   <source>Identity of the index</source>
   <translation>Identité de l'index</translation>
  </message>
  <message>
   <source>If it was moved, open it in its new place.</source>
   <translation>S'il a été déplacé, ouvrez-le à son nouvel emplacement.</translation>
  </message>
  <message>
   <source>Imagery</source>
   <translation>Imagerie</translation>
  </message>
  <message>
   <source>Index</source>
   <translation>Index</translation>
  </message>
  <message>
   <source>Index folder (CITY.cvgl)</source>
   <translation>Dossier d'index (VILLE.cvgl)</translation>
  </message>
  <message>
   <source>Known beforehand</source>
   <translation>Connu au préalable</translation>
  </message>
  <message>
   <source>Layer</source>
   <translation>Couche</translation>
  </message>
  <message>
   <source>Likelihood</source>
   <translation>Vraisemblance</translation>
  </message>
  <message>
   <source>Likelihood contours</source>
   <translation>Courbes de vraisemblance</translation>
  </message>
  <message>
   <source>Limits</source>
   <translation>Limites</translation>
  </message>
  <message>
   <source>Loading the engine...</source>
   <translation>Chargement du moteur...</translation>
  </message>
  <message>
   <source>Locate</source>
   <translation>Localiser</translation>
  </message>
  <message>
   <source>Locate a street photo</source>
   <translation>Localiser une photo de rue</translation>
  </message>
  <message>
   <source>Locate photos</source>
   <translation>Localiser des photos</translation>
  </message>
  <message>
   <source>Locate {photo}</source>
   <translation>Localiser {photo}</translation>
  </message>
  <message>
   <source>Located: possible</source>
   <translation>Localisée : possible</translation>
  </message>
  <message>
   <source>Located: strong evidence</source>
   <translation>Localisée : indices forts</translation>
  </message>
  <message>
   <source>Map layers</source>
   <translation>Couches de carte</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modèle</translation>
  </message>
  <message>
   <source>Model: a name or a file of weights</source>
   <translation>Modèle : un nom ou un fichier de poids</translation>
  </message>
  <message>
   <source>N</source>
   <translation>N</translation>
  </message>
  <message>
   <source>NE</source>
   <translation>NE</translation>
  </message>
  <message>
   <source>NW</source>
   <translation>NO</translation>
  </message>
  <message>
   <source>No photo</source>
   <translation>Pas de photo</translation>
  </message>
  <message>
   <source>No preview</source>
   <translation>Pas d'aperçu</translation>
  </message>
  <message>
   <source>No sign of life for {} s; wait, cancel or restart.</source>
   <translation>Aucun signe de vie depuis {} s ; attendez, annulez ou relancez.</translation>
  </message>
  <message>
   <source>Not in this area</source>
   <translation>Pas dans cette zone</translation>
  </message>
  <message>
   <source>Not judged yet</source>
   <translation>Pas encore jugé</translation>
  </message>
  <message>
   <source>Not located</source>
   <translation>Non localisée</translation>
  </message>
  <message>
   <source>Note</source>
   <translation>Note</translation>
  </message>
  <message>
   <source>Nothing here explains the photo well; chance that it was taken elsewhere: {outside}. The best place inside, {place}, should not be relied on.</source>
   <translation>Rien ici n'explique bien la photo ; chance qu'elle ait été prise ailleurs : {outside}. Ne vous fiez pas au meilleur lieu trouvé, {place}.</translation>
  </message>
  <message>
   <source>Number of squares</source>
   <translation>Nombre de carrés</translation>
  </message>
  <message>
   <source>One photo at a time here: the first is taken. For many, or photos of one walk together, use the Processing algorithm Locate photos.</source>
   <translation>Une photo à la fois ici : la première est prise. Pour plusieurs, ou pour localiser ensemble les photos d'un parcours, utilisez l'algorithme de traitement Localiser des photos.</translation>
  </message>
  <message>
   <source>Only this area</source>
   <translation>Seulement cette zone</translation>
  </message>
  <message>
   <source>Open a case</source>
   <translation>Ouvrir un dossier</translation>
  </message>
  <message>
   <source>Open a case...</source>
   <translation>Ouvrir un dossier...</translation>
  </message>
  <message>
   <source>Open a photo</source>
   <translation>Ouvrir une photo</translation>
  </message>
  <message>
   <source>Open an index (a .cvgl folder)</source>
   <translation>Ouvrir un index (un dossier .cvgl)</translation>
  </message>
  <message>
   <source>Open another index...</source>
   <translation>Ouvrir un autre index...</translation>
  </message>
  <message>
   <source>Open the report: one page with everything, to pass on</source>
   <translation>Ouvrir le rapport : une page avec tout, à transmettre</translation>
  </message>
  <message>
   <source>Open...</source>
   <translation>Ouvrir...</translation>
  </message>
  <message>
   <source>Orthophotos</source>
   <translation>Orthophotos</translation>
  </message>
  <message>
   <source>Other formats...</source>
   <translation>Autres formats...</translation>
  </message>
  <message>
   <source>Paste</source>
   <translation>Coller</translation>
  </message>
  <message>
   <source>Paste a photo or its file from the clipboard</source>
   <translation>Coller une photo ou son fichier depuis le presse-papiers</translation>
  </message>
  <message>
   <source>Photo</source>
   <translation>Photo</translation>
  </message>
  <message>
   <source>Photo from a layer</source>
   <translation>Photo d'une couche</translation>
  </message>
  <message>
   <source>Photo: drop one here, or press Enter to open one</source>
   <translation>Photo : déposez-la ici, ou Entrée pour en ouvrir une</translation>
  </message>
  <message>
   <source>Photos</source>
   <translation>Photos</translation>
  </message>
  <message>
   <source>Photos located together</source>
   <translation>Photos localisées ensemble</translation>
  </message>
  <message>
   <source>Photos that failed</source>
   <translation>Photos en échec</translation>
  </message>
  <message>
   <source>Photos with an answer</source>
   <translation>Photos avec une réponse</translation>
  </message>
  <message>
   <source>Pixel</source>
   <translation>Pixel</translation>
  </message>
  <message>
   <source>Places</source>
   <translation>Lieux</translation>
  </message>
  <message>
   <source>Placing the camera</source>
   <translation>Placement de l'appareil</translation>
  </message>
  <message>
   <source>Position in the photo's EXIF</source>
   <translation>Position dans l'EXIF de la photo</translation>
  </message>
  <message>
   <source>Positions in the files are right to so many metres (empty: not used)</source>
   <translation>Les positions des fichiers sont justes à tant de mètres (vide : non utilisées)</translation>
  </message>
  <message>
   <source>Possible</source>
   <translation>Possible</translation>
  </message>
  <message>
   <source>Question</source>
   <translation>Question</translation>
  </message>
  <message>
   <source>Radius and heading</source>
   <translation>Rayon et direction</translation>
  </message>
  <message>
   <source>Reading the photo and the index</source>
   <translation>Lecture de la photo et de l'index</translation>
  </message>
  <message>
   <source>Reading...</source>
   <translation>Lecture...</translation>
  </message>
  <message>
   <source>Report</source>
   <translation>Rapport</translation>
  </message>
  <message>
   <source>Restart</source>
   <translation>Relancer</translation>
  </message>
  <message>
   <source>Results cannot be written to {folder} ({reason}). Choose another folder in the settings.</source>
   <translation>Les résultats ne peuvent pas être écrits dans {folder} ({reason}). Choisissez un autre dossier dans les paramètres.</translation>
  </message>
  <message>
   <source>Results go to</source>
   <translation>Résultats dans</translation>
  </message>
  <message>
   <source>S</source>
   <translation>S</translation>
  </message>
  <message>
   <source>SE</source>
   <translation>SE</translation>
  </message>
  <message>
   <source>SW</source>
   <translation>SO</translation>
  </message>
  <message>
   <source>Save the case...</source>
   <translation>Enregistrer le dossier...</translation>
  </message>
  <message>
   <source>Save the case: name of its folder</source>
   <translation>Enregistrer : nom du dossier</translation>
  </message>
  <message>
   <source>Save the pasted photo</source>
   <translation>Enregistrer la photo collée</translation>
  </message>
  <message>
   <source>Search area</source>
   <translation>Zone de recherche</translation>
  </message>
  <message>
   <source>Search options</source>
   <translation>Options de recherche</translation>
  </message>
  <message>
   <source>Searching the index</source>
   <translation>Recherche dans l'index</translation>
  </message>
  <message>
   <source>Set the field of view, then Locate</source>
   <translation>Indiquez l'angle de champ, puis Localiser</translation>
  </message>
  <message>
   <source>Starting the engine...</source>
   <translation>Lancement du moteur...</translation>
  </message>
  <message>
   <source>Stopped.</source>
   <translation>Arrêté.</translation>
  </message>
  <message>
   <source>Strong possibility</source>
   <translation>Très probable</translation>
  </message>
  <message>
   <source>Take the photo of a point in a layer</source>
   <translation>Prendre la photo d'un point d'une couche</translation>
  </message>
  <message>
   <source>Takes the results of a folder (and of the folders in it), with the analyst's words and notes, and writes them as KML with a search grid coloured by probability, as a CSV table with a row per photo and links to the reports, as a GeoPackage, as GeoJSON (a file per photo, or one with a row per photo), as GeoParquet, or the search grid alone.

Coarse places: a place is told no closer than a square of the given side, and candidates, regions, heatmap and report are left out.</source>
   <translation>Prend les résultats d'un dossier (et de ses sous-dossiers), avec les mots et les notes de l'analyste, et les écrit en KML avec une grille de recherche colorée selon la probabilité, en tableau CSV avec une ligne par photo et des liens vers les rapports, en GeoPackage, en GeoJSON (un fichier par photo, ou un seul avec une ligne par photo), en GeoParquet, ou la grille de recherche seule.

Lieux grossiers : un lieu n'est pas dit plus précisément qu'un carré du côté donné, et candidats, régions, carte de chaleur et rapport sont omis.</translation>
  </message>
  <message>
   <source>The Python that cvgl is installed in</source>
   <translation>Le Python où cvgl est installé</translation>
  </message>
  <message>
   <source>The clipboard holds no photo: copy an image or an image file first.</source>
   <translation>Le presse-papiers ne contient pas de photo : copiez d'abord une image ou un fichier image.</translation>
  </message>
  <message>
   <source>The engine cannot be loaded: {}</source>
   <translation>Le moteur ne peut pas être chargé : {}</translation>
  </message>
  <message>
   <source>The engine cannot be started: {command} ({reason})</source>
   <translation>Le moteur ne peut pas être lancé : {command} ({reason})</translation>
  </message>
  <message>
   <source>The engine cannot be started: {} ({}).</source>
   <translation>Le moteur ne peut pas être lancé : {} ({}).</translation>
  </message>
  <message>
   <source>The engine cvgl {} speaks protocol {}, this plugin {}: install matching versions of both.</source>
   <translation>Le moteur cvgl {} parle le protocole {}, cette extension {} : installez des versions compatibles.</translation>
  </message>
  <message>
   <source>The engine did not answer within {} s.</source>
   <translation>Le moteur n'a pas répondu en {} s.</translation>
  </message>
  <message>
   <source>The engine did not start within {} s.</source>
   <translation>Le moteur n'a pas démarré en {} s.</translation>
  </message>
  <message>
   <source>The engine did not stop; starting it again...</source>
   <translation>Le moteur ne s'est pas arrêté ; relance...</translation>
  </message>
  <message>
   <source>The engine does not work:</source>
   <translation>Le moteur ne fonctionne pas :</translation>
  </message>
  <message>
   <source>The engine ended with exit code {}.</source>
   <translation>Le moteur s'est terminé avec le code {}.</translation>
  </message>
  <message>
   <source>The engine in the settings does not exist: {}. Correct it there.</source>
   <translation>Le moteur indiqué dans les paramètres n'existe pas : {}. Corrigez-le.</translation>
  </message>
  <message>
   <source>The engine is still starting; the first start after a change takes long.</source>
   <translation>Le moteur démarre encore ; le premier lancement après un changement est long.</translation>
  </message>
  <message>
   <source>The engine sent a line that is no message: {}</source>
   <translation>Le moteur a envoyé une ligne qui n'est pas un message : {}</translation>
  </message>
  <message>
   <source>The engine sent nonsense ({}).</source>
   <translation>Le moteur a envoyé un message incompréhensible ({}).</translation>
  </message>
  <message>
   <source>The engine stopped unexpectedly (code {code}).</source>
   <translation>Le moteur s'est arrêté de façon inattendue (code {code}).</translation>
  </message>
  <message>
   <source>The engine was killed or crashed (signal {}).</source>
   <translation>Le moteur a été tué ou a planté (signal {}).</translation>
  </message>
  <message>
   <source>The engine was not found. Install it with: python3 -m venv ~/.cvgl/venv, then ~/.cvgl/venv/bin/pip install cvgl; or name its Python in the settings.</source>
   <translation>Le moteur est introuvable. Installez-le avec : python3 -m venv ~/.cvgl/venv, puis ~/.cvgl/venv/bin/pip install cvgl ; ou indiquez son Python dans les paramètres.</translation>
  </message>
  <message>
   <source>The engine was started again.</source>
   <translation>Le moteur a été relancé.</translation>
  </message>
  <message>
   <source>The engine was stopped.</source>
   <translation>Le moteur a été arrêté.</translation>
  </message>
  <message>
   <source>The engine works.</source>
   <translation>Le moteur fonctionne.</translation>
  </message>
  <message>
   <source>The engine's command in the settings cannot be read: {}</source>
   <translation>La commande du moteur dans les paramètres est illisible : {}</translation>
  </message>
  <message>
   <source>The layer for the search area has no polygons with a known CRS.</source>
   <translation>La couche de la zone de recherche n'a pas de polygones avec un SCR connu.</translation>
  </message>
  <message>
   <source>The layer {name} is no raster file on this computer; save it as a GeoTIFF first.</source>
   <translation>La couche {name} n'est pas un fichier raster sur cet ordinateur ; enregistrez-la d'abord en GeoTIFF.</translation>
  </message>
  <message>
   <source>The photos are of one walk, in this order</source>
   <translation>Les photos sont d'un même parcours, dans cet ordre</translation>
  </message>
  <message>
   <source>The project has no point layer.</source>
   <translation>Le projet n'a pas de couche de points.</translation>
  </message>
  <message>
   <source>The request cannot be sent: {}</source>
   <translation>La demande ne peut pas être envoyée : {}</translation>
  </message>
  <message>
   <source>The scores are not calibrated for such a photo: read them as an order only.</source>
   <translation>Les scores ne sont pas calibrés pour une telle photo : ne les lisez que comme un ordre.</translation>
  </message>
  <message>
   <source>There are no photos there.</source>
   <translation>Il n'y a pas de photos à cet endroit.</translation>
  </message>
  <message>
   <source>This photo cannot be used</source>
   <translation>Cette photo est inutilisable</translation>
  </message>
  <message>
   <source>Tiles</source>
   <translation>Tuiles</translation>
  </message>
  <message>
   <source>Turn the tile so that the photo looks upwards; else north is up</source>
   <translation>Tourner la tuile pour que la photo regarde vers le haut ; sinon le nord est en haut</translation>
  </message>
  <message>
   <source>Unverified</source>
   <translation>Non vérifié</translation>
  </message>
  <message>
   <source>Verified</source>
   <translation>Vérifié</translation>
  </message>
  <message>
   <source>Version of the index</source>
   <translation>Version de l'index</translation>
  </message>
  <message>
   <source>W</source>
   <translation>O</translation>
  </message>
  <message>
   <source>Waiting for the engine</source>
   <translation>Attente du moteur</translation>
  </message>
  <message>
   <source>Weighing the evidence</source>
   <translation>Pesée des indices</translation>
  </message>
  <message>
   <source>What speaks for it, what against</source>
   <translation>Ce qui parle pour, ce qui parle contre</translation>
  </message>
  <message>
   <source>What the map shows has no place on Earth: zoom to the imagery and try again.</source>
   <translation>L'emprise affichée n'existe pas sur Terre : zoomez sur l'imagerie et réessayez.</translation>
  </message>
  <message>
   <source>Write a report of each photo</source>
   <translation>Écrire un rapport de chaque photo</translation>
  </message>
  <message>
   <source>Writing the results</source>
   <translation>Écriture des résultats</translation>
  </message>
  <message>
   <source>Written: {path}</source>
   <translation>Écrit : {path}</translation>
  </message>
  <message>
   <source>exact</source>
   <translation>exact</translation>
  </message>
  <message>
   <source>field of view unknown</source>
   <translation>angle de champ inconnu</translation>
  </message>
  <message>
   <source>field of view {degrees}°</source>
   <translation>angle de champ {degrees}°</translation>
  </message>
  <message>
   <source>found by itself</source>
   <translation>trouvé tout seul</translation>
  </message>
  <message>
   <source>from the photo</source>
   <translation>de la photo</translation>
  </message>
  <message>
   <source>from the photo, if any</source>
   <translation>de la photo, le cas échéant</translation>
  </message>
  <message>
   <source>give or take</source>
   <translation>plus ou moins</translation>
  </message>
  <message>
   <source>heading unknown</source>
   <translation>direction inconnue</translation>
  </message>
  <message>
   <source>heading {degrees}°</source>
   <translation>direction {degrees}°</translation>
  </message>
  <message>
   <source>not used</source>
   <translation>non utilisée</translation>
  </message>
  <message>
   <source>or a layer of photos</source>
   <translation>ou une couche de photos</translation>
  </message>
  <message>
   <source>panorama</source>
   <translation>panorama</translation>
  </message>
  <message>
   <source>photo</source>
   <translation>photo</translation>
  </message>
  <message>
   <source>polygons of</source>
   <translation>polygones de</translation>
  </message>
  <message>
   <source>probably within</source>
   <translation>probablement à moins de</translation>
  </message>
  <message>
   <source>rank {before} → {after}</source>
   <translation>rang {before} → {after}</translation>
  </message>
  <message>
   <source>search only within</source>
   <translation>chercher seulement à moins de</translation>
  </message>
  <message>
   <source>set by hand</source>
   <translation>à la main</translation>
  </message>
  <message>
   <source>settings</source>
   <translation>paramètres</translation>
  </message>
  <message>
   <source>unknown</source>
   <translation>inconnu</translation>
  </message>
  <message>
   <source>version</source>
   <translation>version</translation>
  </message>
  <message>
   <source>what the map shows</source>
   <translation>emprise de la carte</translation>
  </message>
  <message>
   <source>whole index</source>
   <translation>tout l’index</translation>
  </message>
  <message>
   <source>{distance} from the place in its EXIF.</source>
   <translation>à {distance} du lieu de son EXIF.</translation>
  </message>
  <message>
   <source>{folder} holds the result itself: choose another.</source>
   <translation>{folder} contient le résultat lui-même : choisissez-en un autre.</translation>
  </message>
  <message>
   <source>{name} · {tiles} tiles, {gsd} m, {crs}</source>
   <translation>{name} · {tiles} tuiles, {gsd} m, {crs}</translation>
  </message>
  <message>
   <source>{name}: opening...</source>
   <translation>{name} : ouverture...</translation>
  </message>
  <message>
   <source>{path} cannot be written ({reason}): choose another folder.</source>
   <translation>{path} ne peut pas être écrit ({reason}) : choisissez un autre dossier.</translation>
  </message>
  <message>
   <source>{path} cannot be written ({reason}): the judgement is not kept.</source>
   <translation>{path} ne peut pas être écrit ({reason}) : le jugement n'est pas conservé.</translation>
  </message>
  <message>
   <source>{path} cannot be written.</source>
   <translation>{path} ne peut pas être écrit.</translation>
  </message>
  <message>
   <source>{path} holds no layers of a case: choose the .gpkg of a saved one.</source>
   <translation>{path} ne contient pas de couches d'un dossier d'enquête : choisissez le .gpkg d'un dossier enregistré.</translation>
  </message>
  <message>
   <source>{path}: no such file, neither beside the layer nor beside the project.</source>
   <translation>{path} : pas de tel fichier, ni près de la couche ni près du projet.</translation>
  </message>
  <message>
   <source>{place}. Probability {probability}; half of it within {near}, nine tenths within {far}.</source>
   <translation>{place}. Probabilité {probability} ; la moitié à moins de {near}, neuf dixièmes à moins de {far}.</translation>
  </message>
  <message>
   <source>{span}: not seen</source>
   <translation>{span} : non vu</translation>
  </message>
  <message>
   <source>{span}: {here} here</source>
   <translation>{span} : {here} ici</translation>
  </message>
  <message>
   <source>{there} elsewhere</source>
   <translation>{there} ailleurs</translation>
  </message>
  <message>
   <source>{} It ended {} times in a row.</source>
   <translation>{} Il s'est arrêté {} fois de suite.</translation>
  </message>
  <message>
   <source>{} Starting it again...</source>
   <translation>{} Relance...</translation>
  </message>
  <message>
   <source>{} holds no Python; name the folder of a virtual environment.</source>
   <translation>{} ne contient pas de Python ; indiquez le dossier d'un environnement virtuel.</translation>
  </message>
 </context>
</TS>
